"""What the registry records of rollouts, for people."""

import argparse
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fixtures.platforms import endpoints
from tests.fixtures.rollout_records import record
from workloads import history, tracking
from workloads.errors import WorkloadsError
from workloads.retraining.records import Attempt

COUNTS = {"weight": 5, "canary": 20, "canaryFailed": 0, "stable": 380, "stableFailed": 1}
VERSIONS = [
    SimpleNamespace(
        version=7,
        tags={
            "rollout.b": record(approved_by="bob").text(),
            "rollout.a": record(
                at="2026-11-01T10:00:00+00:00",
                ended="RolledBack",
                because="version 7 is slower: in 10 of 10 comparisons",
                counts=[COUNTS],
                experiment={"says": "accuracy 0.8"},
            ).text(),
            "gate": "passed",
        },
    ),
    SimpleNamespace(
        version=6,
        tags={
            "rollout.c": record(
                version="6", at="2026-10-01T10:00:00+00:00", before="", because="at once"
            ).text(),
        },
    ),
]


def _show(monkeypatch: pytest.MonkeyPatch, versions: list[Any], *, as_json: bool = False) -> int:
    client = SimpleNamespace(search_model_versions=lambda *_, **__: versions)
    monkeypatch.setattr(tracking, "connect", lambda _: client)
    return history.run(endpoints(), argparse.Namespace(model="wine", json=as_json))


def test_changes_are_shown_with_who_and_why_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _show(monkeypatch, VERSIONS) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-10-01T10:00:00+00:00  version 6 serves: at once (retrained; asked by ann)",
        "2026-11-01T10:00:00+00:00  version 7 rolled back: version 7 is slower: in 10 of 10 comparisons "
        "(retrained; asked by ann)",
        "  at 5 %: 0 of 20 failed, 1 of 380 of version 6",
        "  experiment: accuracy 0.8",
        "2026-11-02T10:00:00+00:00  version 7 serves after version 6: version 7 gets every request, "
        "after 0 of 400 requests failed (retrained; asked by ann approved by bob)",
    ]


def test_records_are_printed_as_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _show(monkeypatch, VERSIONS, as_json=True) == 0
    shown = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert [each["version"] for each in shown] == ["6", "7", "7"]
    assert shown[1] == json.loads(VERSIONS[0].tags["rollout.a"])


def test_a_tag_that_somebody_else_wrote_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = SimpleNamespace(version=5, tags={"rollout.mine": "yes"})
    assert _show(monkeypatch, [*VERSIONS, spoilt]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 5
    assert shown.err == "tag rollout.mine of version 5: is not the controller's; left out\n"


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
    began = (
        "2026-10-15T10:00:00+00:00  retraining of version 6 began: pipeline run r1 (retrain: ModelInputDrift)"
    )
    assert lines.index(began) == 1
    assert len(lines) == 6
