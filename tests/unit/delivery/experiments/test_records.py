"""Results of experiments in the status of rollouts."""

from delivery.experiments.records import Arm, ExperimentState, Verdict
from delivery.statistics.experiment import Sample
from tests.unit.delivery.experiments.labelled import right


def test_a_state_is_read_as_it_was_written() -> None:
    made = ExperimentState(
        needed="about 500",
        begun_at="2026-11-30T12:00:00+00:00",
        challenger=right(90, 100),
        champion=Arm(rows=7, sample=Sample(units=2, total=1.25, total_of_squares=1.0625)),
        low=-0.125,
        high=0.25,
        verdict=Verdict.WORSE,
        says="accuracy",
    )
    assert ExperimentState.from_json(made.to_json()) == made
    assert made.to_json()["challenger"]["mean"] == 0.9
    assert made.is_over


def test_without_an_interval_there_are_no_bounds() -> None:
    assert {"low", "high"}.isdisjoint(ExperimentState().to_json())
    assert ExperimentState.from_json({}) == ExperimentState()
    assert not ExperimentState().is_over


def test_a_version_without_rows_has_no_mean() -> None:
    assert Arm().mean == 0
