"""The promises of experiments, measured on the verdicts that end rollouts.

A share that is promised may be exceeded by three standard errors of the simulation. The seeds are fixed.
"""

import math

import numpy as np

from delivery.experiments import verdicts
from delivery.experiments.records import Arm, ExperimentState, Measured, Verdict
from delivery.statistics.experiment import Sample
from workloads.serving.experiment_request import Experiment, Metric

_STREAMS = 300
_UNITS_OF_LOOK = 100


def _arm(ones: int, units: int) -> Arm:
    return Arm(rows=units, sample=Sample(units=units, total=ones, total_of_squares=ones))


def _ended(experiment: Experiment, new: float, former: float, looks: int) -> list[Verdict]:
    """Return how experiments end that are looked at after each hundred units of each version."""
    random = np.random.default_rng(18)
    counts = [
        np.cumsum(random.binomial(_UNITS_OF_LOOK, ratio, (_STREAMS, looks)), axis=1).tolist()
        for ratio in (new, former)
    ]
    ended: list[Verdict] = []
    for stream in range(_STREAMS):
        state = ExperimentState()
        for look in range(looks):
            units = _UNITS_OF_LOOK * (look + 1)
            found = Measured(
                challenger=_arm(counts[0][stream][look], units), champion=_arm(counts[1][stream][look], units)
            )
            state = verdicts.judged(experiment, state, found, look, "6")
            if state.is_over:
                break
        ended.append(state.verdict)
    return ended


def test_without_a_difference_hardly_any_version_is_called_better_or_worse() -> None:
    # No effect is small enough for "no difference" here, so that all looks are taken.
    found = _ended(Experiment(metric=Metric.ACCURACY, minimum_effect=1e-6), 0.9, 0.9, 150)
    wrong = sum(each in (Verdict.BETTER, Verdict.WORSE) for each in found) / _STREAMS
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / _STREAMS)


def test_five_points_are_found_with_the_rows_that_were_told_before() -> None:
    experiment = Experiment(metric=Metric.ACCURACY, minimum_effect=0.05)
    looks = math.ceil(experiment.units({"accuracy": 0.8}) / _UNITS_OF_LOOK)
    least = 0.9 - 3 * math.sqrt(0.9 * 0.1 / _STREAMS)
    for new, former, verdict in ((0.85, 0.8, Verdict.BETTER), (0.8, 0.85, Verdict.WORSE)):
        found = _ended(experiment, new, former, looks)
        assert found.count(verdict) / _STREAMS >= least
        assert {*found} <= {verdict, Verdict.UNDECIDED, Verdict.NO_DIFFERENCE}


def test_no_difference_is_found_with_the_rows_that_were_told_before() -> None:
    experiment = Experiment(metric=Metric.ACCURACY, minimum_effect=0.05)
    looks = math.ceil(experiment.units({"accuracy": 0.8}) / _UNITS_OF_LOOK)
    found = _ended(experiment, 0.8, 0.8, looks)
    assert found.count(Verdict.NO_DIFFERENCE) / _STREAMS >= 0.8 - 3 * math.sqrt(0.8 * 0.2 / _STREAMS)
