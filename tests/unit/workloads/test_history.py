"""What the registry records of rollouts, for people."""

import argparse
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fixtures.platforms import endpoints
from workloads import history, tracking
from workloads.errors import WorkloadsError
from workloads.retraining.records import Attempt


def _tag(at: str, **changes: Any) -> str:
    record = {
        "at": at,
        "ended": "Promoted",
        "because": "version 7 gets every request, after 0 of 400 requests failed",
        "before": "6",
        "reason": "retrained",
        "requestedBy": "ann",
        "approvedBy": "",
    }
    return json.dumps(record | changes)


VERSIONS = [
    SimpleNamespace(
        version=7,
        tags={
            "rollout.b": _tag("2026-11-02T10:00:00+00:00", approvedBy="bob"),
            "rollout.a": _tag(
                "2026-11-01T10:00:00+00:00",
                ended="RolledBack",
                because="version 7 is slower: in 10 of 10 comparisons",
            ),
            "gate": "passed",
        },
    ),
    SimpleNamespace(
        version=6, tags={"rollout.c": _tag("2026-10-01T10:00:00+00:00", before="", because="at once")}
    ),
]


def _show(monkeypatch: pytest.MonkeyPatch, versions: list[Any]) -> int:
    client = SimpleNamespace(search_model_versions=lambda *_, **__: versions)
    monkeypatch.setattr(tracking, "connect", lambda _: client)
    return history.run(endpoints(), argparse.Namespace(model="wine"))


def test_changes_are_shown_with_who_and_why_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _show(monkeypatch, VERSIONS) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-10-01T10:00:00+00:00  version 6 serves: at once (retrained; asked by ann)",
        "2026-11-01T10:00:00+00:00  version 7 rolled back: version 7 is slower: in 10 of 10 comparisons "
        "(retrained; asked by ann)",
        "2026-11-02T10:00:00+00:00  version 7 serves after version 6: version 7 gets every request, "
        "after 0 of 400 requests failed (retrained; asked by ann approved by bob)",
    ]


@pytest.mark.parametrize(
    ("versions", "refusal"),
    [
        ([], "model wine: is not registered"),
        ([SimpleNamespace(version=1, tags={"gate": "passed"})], "model wine: no rollout of it has ended yet"),
    ],
)
def test_nothing_to_show_is_an_error_in_one_line(
    monkeypatch: pytest.MonkeyPatch, versions: list[Any], refusal: str
) -> None:
    with pytest.raises(WorkloadsError) as error:
        _show(monkeypatch, versions)
    assert str(error.value) == refusal


def test_retrainings_that_alerts_asked_for_are_among_the_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt = Attempt(at="2026-10-15T10:00:00+00:00", reason="retrain: ModelInputDrift", run_id="r1")
    tagged = SimpleNamespace(version=6, tags={**VERSIONS[1].tags, attempt.tag: attempt.to_json()})
    assert _show(monkeypatch, [VERSIONS[0], tagged]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        "2026-10-15T10:00:00+00:00  retraining of version 6 began: pipeline run r1 (retrain: ModelInputDrift)"
    )
    assert len(lines) == 4
