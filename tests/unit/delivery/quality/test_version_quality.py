"""What follows from labelled requests of a version, and from its reference."""

import pytest

from delivery.experiments.records import Answered
from delivery.quality.version_quality import Reference, VersionQuality, reference_of


def _quality(wrong: int, rows: int, reference: Reference | None = None) -> VersionQuality:
    answered = Answered(rows=rows, wrong_rows=wrong, requests=rows, wrong=wrong)
    return VersionQuality(answered=answered, reference=reference, tolerance=0.03)


_MANY = Reference(accuracy=0.95, rows=100_000)


@pytest.mark.parametrize(
    ("wrong", "rows", "is_alarm"),
    [
        pytest.param(5, 100, False, id="as at training"),
        pytest.param(70, 1000, False, id="within the tolerance"),
        pytest.param(2, 4, False, id="too few rows to say so"),
        pytest.param(20, 100, True, id="one in five"),
        pytest.param(150, 1000, True, id="twice the tolerance"),
    ],
)
def test_a_version_that_is_wrong_more_often_than_is_tolerated_has_an_alarm(
    wrong: int, rows: int, is_alarm: bool
) -> None:
    found = _quality(wrong, rows, _MANY)
    assert found.is_alarm is is_alarm
    assert found.accuracy == pytest.approx(1 - wrong / rows)
    assert found.evidence is not None
    assert (found.evidence >= 1) is is_alarm


def test_what_few_held_back_rows_have_found_by_luck_raises_no_alarm() -> None:
    lucky = Reference(accuracy=1.0, rows=54)
    assert _quality(60, 1000, Reference(accuracy=1.0, rows=100_000)).is_alarm
    assert not _quality(60, 1000, lucky).is_alarm
    assert _quality(200, 1000, lucky).is_alarm


def test_without_a_reference_or_without_labels_there_is_no_verdict() -> None:
    unknown = _quality(90, 100)
    assert (unknown.accuracy, unknown.evidence, unknown.is_alarm) == (pytest.approx(0.1), None, None)
    unlabelled = _quality(0, 0, _MANY)
    assert (unlabelled.accuracy, unlabelled.evidence, unlabelled.is_alarm) == (None, None, None)


def test_evidence_is_never_less_than_none() -> None:
    assert _quality(0, 1000, _MANY).evidence == 0


def test_the_reference_is_the_accuracy_of_the_evaluation_and_its_number_of_rows() -> None:
    metrics = {"accuracy": 0.9, "held_back_example_count": 54.0, "f1": 0.8}
    assert reference_of(metrics, 0.03) == Reference(accuracy=0.9, rows=54)
    assert reference_of({"accuracy": 0.9}, 0.03) == Reference(accuracy=0.9)


@pytest.mark.parametrize(
    "metrics",
    [{}, {"r2": 0.9}, {"accuracy": 0.0}, {"accuracy": float("nan")}, {"accuracy": 1.1}, {"accuracy": 0.02}],
)
def test_what_nothing_can_be_held_against_is_no_reference(metrics: dict[str, float]) -> None:
    assert reference_of(metrics, 0.03) is None
