"""What is asked of an experiment, what makes no sense, and how large it is."""

import pytest

from workloads.serving.experiment_request import Experiment, Metric, OnNoDifference, needed
from workloads.serving.experiment_sizes import deviation_of_ratio, units_needed

ASKED = Experiment(metric=Metric.ACCURACY, minimum_effect=0.05)


def test_what_is_left_out_of_the_block_is_half_of_the_requests_for_six_days() -> None:
    found = Experiment.from_json({"metric": "accuracy", "minimumEffect": 0.05})
    assert found == ASKED
    assert (found.share, found.max_seconds, found.on_no_difference) == (50, 518_400, OnNoDifference.KEEP)


def test_a_block_is_read_as_it_was_written() -> None:
    made = Experiment(
        metric=Metric.ABSOLUTE_ERROR,
        minimum_effect=2.5,
        share=20,
        max_seconds=3600,
        on_no_difference=OnNoDifference.PROMOTE,
    )
    assert Experiment.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("experiment", "problem"),
    [
        (ASKED, ""),
        (Experiment(metric=Metric.SQUARED_ERROR, minimum_effect=30.0), ""),
        (Experiment(metric=Metric.ACCURACY, minimum_effect=0), "experiment.minimumEffect: 0 is not positive"),
        (
            Experiment(metric=Metric.SQUARED_ERROR, minimum_effect=-1),
            "experiment.minimumEffect: -1 is not pos",
        ),
        (
            Experiment(metric=Metric.ACCURACY, minimum_effect=1),
            "experiment.minimumEffect: 1 is no difference",
        ),
        (Experiment(metric=Metric.ACCURACY, minimum_effect=0.1, share=0), "experiment.share: 0 is no share"),
        (
            Experiment(metric=Metric.ACCURACY, minimum_effect=0.1, share=100),
            "experiment.share: 100 is no sha",
        ),
        (
            Experiment(metric=Metric.ACCURACY, minimum_effect=0.1, max_seconds=9),
            "experiment.maxSeconds: 9 is",
        ),
    ],
)
def test_what_makes_no_sense_is_named_with_what_to_do(experiment: Experiment, problem: str) -> None:
    found = experiment.problem()
    assert found.startswith(problem)
    assert bool(found) == bool(problem)
    assert "\n" not in found
    assert not found or "give " in found


def test_the_size_follows_from_the_accuracy_of_the_version_that_serves() -> None:
    assert ASKED.units({"accuracy": 0.9}) == units_needed(deviation_of_ratio(0.9), 0.05)
    worst = units_needed(0.5, 0.05)
    assert ASKED.units({}) == worst
    assert needed(ASKED, {}, "6") == (
        f"about {worst} labelled rows of each version for a difference of 0.05, "
        "at most, as the accuracy of the version that serves is not known"
    )
    assert needed(ASKED, {"accuracy": 0.9}, "6").endswith(
        "for a difference of 0.05, at the accuracy of version 6's evaluation, 0.9"
    )
    # Whoever was always right so far may be wrong one day.
    assert ASKED.units({"accuracy": 1.0}) == units_needed(deviation_of_ratio(0.99), 0.05)


def test_the_size_of_errors_follows_from_the_rmse() -> None:
    squared = Experiment(metric=Metric.SQUARED_ERROR, minimum_effect=1.0)
    assert squared.units({"rmse": 2.0}) == units_needed(2**0.5 * 4, 1.0)
    absolute = Experiment(metric=Metric.ABSOLUTE_ERROR, minimum_effect=0.5)
    assert absolute.units({"rmse": 2.0}) == units_needed(2 * 0.602810275, 0.5)
    assert needed(squared, {}, "6") == (
        "how many labelled rows it needs is not known: the evaluation of the version that serves has no rmse"
    )


def test_more_rows_than_it_takes_and_a_share_that_is_not_recorded_are_said() -> None:
    small = Experiment(metric=Metric.ACCURACY, minimum_effect=0.005)
    assert "that is more than the 100000 of both that it takes" in needed(small, {}, "6")
    assert needed(ASKED, {}, "6", 0.1).endswith(
        "; sampleRate 0.1 of plinth:payloads records one request in 10"
    )
