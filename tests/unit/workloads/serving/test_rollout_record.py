"""What is kept of a rollout."""

import json

import pytest

from tests.fixtures.rollout_records import record
from workloads.serving.rollout_record import RolloutRecord

COUNTS = {"weight": 5, "canary": 20, "canaryFailed": 0, "stable": 380, "stableFailed": 1}


def test_a_record_is_read_as_it_was_written() -> None:
    made = record(counts=[COUNTS], proofs=[], evidence={"failsMore": 0.25}, reason='"größer"')
    assert RolloutRecord.from_text(made.text()) == made
    assert "\n" not in made.text()
    assert "größer" in made.text()


def test_its_keys_are_those_of_rollouts() -> None:
    assert json.loads(record(approved_by="bob", counts=[COUNTS]).text()) == {
        "rollout": "wine-v7-a",
        "model": "wine",
        "version": "7",
        "digest": "d7",
        "before": "6",
        "digestBefore": "d6",
        "at": "2026-11-02T10:00:00+00:00",
        "ended": "Promoted",
        "because": "version 7 gets every request, after 0 of 400 requests failed",
        "reason": "retrained",
        "requestedBy": "ann",
        "approvedBy": "bob",
        "counts": [COUNTS],
        "proofs": [],
        "evidence": {},
        "experiment": {},
        "weightsBefore": {"6": 100},
        "weightsAfter": {"7": 100},
    }


@pytest.mark.parametrize(
    ("ended", "before", "weights"),
    [
        ("Promoted", "", ({}, {"7": 100})),
        ("RolledBack", "6", ({"6": 100}, {"6": 100})),
        ("RolledBack", "", ({}, {})),
    ],
)
def test_a_version_has_every_request_only_if_it_was_promoted(
    ended: str, before: str, weights: tuple[dict[str, int], dict[str, int]]
) -> None:
    made = record(ended=ended, before=before)
    assert (made.weights_before, made.weights_after) == weights


@pytest.mark.parametrize("text", ["", "passed", "[]", "{}", '"x"', record().text()[:-9]])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no record of a rollout|Expecting|Unterminated|delimiter"):
        RolloutRecord.from_text(text)


def test_a_record_of_an_earlier_release_has_no_experiment() -> None:
    known = json.loads(record().text())
    del known["experiment"]
    assert RolloutRecord.from_text(json.dumps(known)).experiment == {}


def test_the_result_of_an_experiment_is_in_tags_of_its_own() -> None:
    result = {"begunAt": "2026-11-02T09:00:00+00:00", "verdict": "better", "metric": "accuracy", "says": "x"}
    made = record(experiment=result)
    assert made.tags() == {
        "rollout.wine-v7-a": made.text(),
        "experiment.verdict": "better",
        "experiment.against": "6",
        "experiment.metric": "accuracy",
        "experiment.result": "x",
    }
    assert [*record(experiment={"begunAt": ""}).tags()] == ["rollout.wine-v7-a"]
