"""Records of retrainings in the tags of versions."""

from workloads.retraining.records import REFUSED, Attempt, attempts

BEGUN = Attempt(
    at="2026-11-30T13:00:00+00:00", reason="retrain: ModelInputDrift", alerts=("a@t", "b@t"), run_id="r1"
)
REFUSAL = Attempt(at="2026-11-29T13:00:00+00:00", reason="retrain: ModelInputDrift", because="no labels")


def test_an_attempt_is_read_back_from_its_tag() -> None:
    assert Attempt.of_tag(BEGUN.to_json()) == BEGUN
    assert BEGUN.tag == "retraining.20261130T130000Z"
    assert REFUSAL.tag == REFUSED


def test_attempts_of_all_versions_come_in_the_order_of_time() -> None:
    tags = {"4": {BEGUN.tag: BEGUN.to_json(), "gate": "passed"}, "3": {REFUSAL.tag: REFUSAL.to_json()}}
    assert attempts(tags.items()) == [("3", REFUSAL), ("4", BEGUN)]


def test_each_is_one_line_for_people() -> None:
    assert BEGUN.line("4") == (
        "2026-11-30T13:00:00+00:00  retraining of version 4 began: pipeline run r1 (retrain: ModelInputDrift)"
    )
    assert REFUSAL.line("3") == (
        "2026-11-29T13:00:00+00:00  no retraining of version 3: no labels (retrain: ModelInputDrift)"
    )
