"""The promises of verdicts, measured on many simulated rollouts.

A share that is promised may be exceeded by three standard errors of the simulation, and by no more. The seeds
are fixed, so that a failure is one of the code.
"""

import math
from collections import deque
from typing import Any

import numpy as np
import pytest

from delivery.statistics import agreement, errors, experiment, labels, latency, readiness
from delivery.statistics.agreement import AgreementCounts
from delivery.statistics.errors import StepCounts
from delivery.statistics.experiment import Difference, Sample
from delivery.statistics.labels import PairedCounts, QualityCounts
from delivery.statistics.latency import TickCounts
from tests.fixtures.simulated_rollouts import LOOKS, Array, Gateway, Traffic, rollouts, seconds_until
from workloads.serving import experiment_sizes

STREAMS = 2000
LEAST_SECONDS = 30
MAX_ERROR_RATIO = 0.01
# Of the gateway's histogram, in seconds; the last bucket has no bound.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# Of equal versions.
ALIKE = [
    Traffic(rate=rate, canary=each, stable=each) for rate in (100, 20) for each in (0.001, 0.01, 0.05, 0.2)
]


def _at_most(promised: float, streams: int = STREAMS) -> float:
    return promised + 3 * math.sqrt(promised * (1 - promised) / streams)


def _at_least(promised: float, streams: int) -> float:
    return promised - 3 * math.sqrt(promised * (1 - promised) / streams)


@pytest.mark.parametrize("takes_turns", [False, True], ids=["lots", "turns"])
def test_a_canary_as_good_as_the_stable_version_is_hardly_ever_rolled_back(takes_turns: bool) -> None:
    played = rollouts(ALIKE, 1000, seed=1, gateway=Gateway(takes_turns=takes_turns))
    rolled_back = np.isfinite(seconds_until(errors.fails_more, played))
    shares = rolled_back.mean(axis=1)
    assert shares.max() <= _at_most(errors.FALSE_ROLLBACKS, 1000), shares
    assert shares.mean() <= _at_most(errors.FALSE_ROLLBACKS, rolled_back.size), shares


@pytest.mark.parametrize(("takes_turns", "promised"), [(False, errors.FALSE_ROLLBACKS), (True, 0.0)])
def test_bursts_of_errors_that_both_versions_share_do_not_roll_back(
    takes_turns: bool, promised: float
) -> None:
    """With a gateway that takes turns they never do."""
    traffic = [Traffic(rate=rate, canary=0.001, stable=0.001) for rate in (100, 20)]
    played = rollouts(traffic, 1000, seed=2, gateway=Gateway(takes_turns=takes_turns, bursts=True))
    assert np.isfinite(seconds_until(errors.fails_more, played)).mean() <= _at_most(promised, 2000)


def test_a_threshold_that_is_looked_at_often_breaks_that_promise() -> None:
    """So that the tests above can fail: the rule that is common elsewhere, on streams of the same kind.

    It asks for 99 % success over 60 seconds, looks every 10, and rolls back after one miss, or after five.
    """
    traffic = [Traffic(rate=20, canary=0.001, stable=0.001)]
    minute: deque[tuple[Array, Array]] = deque([(0, 0)] * 30, maxlen=30)
    missed: Array = 0
    rolled_back: Array = False
    played = rollouts(traffic, STREAMS, seed=3, gateway=Gateway(steps=((0.05, math.inf),)))
    for look, (step,) in enumerate(played, start=1):
        requests, failures = minute[0]
        minute.append((step.canary_requests, step.canary_failures))
        if look % 5 == 0:
            missed = missed + (step.canary_failures - failures > 0.01 * (step.canary_requests - requests))
        rolled_back = rolled_back | errors.fails_more([step])
    assert (missed >= 1).mean() > 0.4 > _at_most(0.01)
    assert (missed >= 5).mean() > 0.35 > _at_most(0.01)
    assert rolled_back.mean() <= _at_most(errors.FALSE_ROLLBACKS)


def test_a_canary_that_fails_is_found_in_time() -> None:
    promised = {(0.05, 100): 18, (0.05, 20): 60, (0.2, 20): 24, (1.0, 20): 6, (0.2, 5): 50, (0.03, 100): 30}
    traffic = [Traffic(rate=rate, canary=ratio, stable=0.001) for ratio, rate in promised]
    seconds = seconds_until(errors.fails_more, rollouts(traffic, 1000, seed=4, looks=30))
    for kind, within, line in zip(promised, promised.values(), seconds, strict=True):
        assert (line <= within).mean() >= _at_least(0.95, 1000), kind


def _is_good_enough(steps: list[StepCounts]) -> Array:
    requests: Any = sum(step.canary_requests for step in steps)
    failures: Any = sum(step.canary_failures for step in steps)
    return readiness.is_good_enough(requests, failures, MAX_ERROR_RATIO)


def test_a_canary_that_fails_too_often_is_hardly_ever_promoted() -> None:
    # A stable version that is as bad hides it from the comparison; nothing else is left to stop it.
    traffic = [
        Traffic(rate=20, canary=ratio, stable=ratio) for ratio in (MAX_ERROR_RATIO, 2 * MAX_ERROR_RATIO)
    ]
    promoted = np.isfinite(seconds_until(_is_good_enough, rollouts(traffic, STREAMS, seed=5))).mean(axis=1)
    assert promoted.max() <= _at_most(readiness.BAD_PROMOTIONS)
    assert promoted[0] > 0.01, "a verdict that never comes keeps every promise"


def test_a_good_canary_is_promoted_in_time() -> None:
    # Half of the rollouts, and 95 of 100.
    promised = {(100, 0.0): (30, 30), (100, 0.001): (30, 38), (20, 0.0): (52, 56), (20, 0.001): (54, 120)}
    traffic = [Traffic(rate=rate, canary=ratio, stable=ratio) for rate, ratio in promised]
    withdrawn: Array = False

    def promoted(steps: list[StepCounts]) -> Array:
        nonlocal withdrawn
        evidence = errors.log10_evidence(steps)
        withdrawn = withdrawn | (evidence >= errors.THRESHOLD)
        return _is_good_enough(steps) & (evidence < math.log10(3)) & ~withdrawn & (len(steps) == 3)

    seconds = np.maximum(seconds_until(promoted, rollouts(traffic, 500, seed=6, looks=450)), LEAST_SECONDS)
    for kind, bounds, line in zip(promised, promised.values(), seconds, strict=True):
        assert np.isfinite(line).mean() >= _at_least(0.98, 500), kind
        assert tuple(np.quantile(line, [0.5, 0.95], method="higher")) <= bounds, kind


def _ticks_until_slower(ratio: float, rate: float, streams: int, ticks: int) -> Array:
    """Return after how many ticks the canary is found to be slower; infinite if never.

    Answers are lognormal, with a median of 4 ms, and as many times that for the canary as the ratio says.
    Each version gets half of the requests of two seconds.
    """
    random = np.random.default_rng(7)
    first: Array = np.full(streams, np.inf)
    slower: Array = np.zeros(streams)
    for tick in range(1, ticks + 1):
        histograms: list[Any] = []
        for median in (0.004 * ratio, 0.004):
            within = [0.5 * math.erfc(-math.log(bound / median) / 0.5 / math.sqrt(2)) for bound in BOUNDS]
            answers = random.poisson(np.diff([0.0, *within, 1.0]) * rate, (streams, len(BOUNDS) + 1))
            histograms.append(list(np.cumsum(answers, axis=1).T))
        slower = slower + (latency.slower_probability(*histograms) > latency.MARGIN)
        found: Any = latency.is_slower(TickCounts(ticks=tick, slower=slower))
        first = np.where(np.isinf(first) & found, tick, first)
    return first


@pytest.mark.parametrize("rate", [100, 20])
def test_a_canary_as_fast_as_the_stable_version_is_hardly_ever_rolled_back(rate: float) -> None:
    rolled_back = np.isfinite(_ticks_until_slower(1.0, rate, 1000, LOOKS)).mean()
    assert rolled_back <= _at_most(latency.FALSE_ROLLBACKS, 1000)


@pytest.mark.parametrize(("ratio", "rate", "within"), [(1.5, 20, 60), (2.0, 20, 24), (1.25, 100, 60)])
def test_a_slow_canary_is_found_in_time(ratio: float, rate: float, within: float) -> None:
    seconds = 2 * _ticks_until_slower(ratio, rate, 500, 30)
    assert (seconds <= within).mean() >= _at_least(0.95, 500)


def _rows_until(verdicts: Array, rows: Array) -> Array:
    """Return after how many rows each stream, a line of verdicts, has one; infinite if never."""
    return np.where(verdicts.any(axis=1), rows[verdicts.argmax(axis=1)], np.inf)


def _running(random: Any, ratio: float, streams: int, rows: int, every: int) -> Array:
    """Return how many of the rows so far were hits, at each look of each stream."""
    return np.cumsum(random.binomial(every, ratio, (streams, rows // every)), axis=1)


def _rows_until_refused(ratio: float, streams: int, rows: int, every: int) -> Array:
    different = _running(np.random.default_rng(9), ratio, streams, rows, every)
    at: Array = np.arange(every, rows + 1, every)
    everywhere: Any = np.broadcast_to(at, different.shape)
    return _rows_until(agreement.disagrees(AgreementCounts(rows=everywhere, different=different), 0.9), at)


@pytest.mark.parametrize("ratio", [0.02, 0.1])
def test_a_version_that_agrees_often_enough_is_hardly_ever_refused(ratio: float) -> None:
    assert np.isfinite(_rows_until_refused(ratio, STREAMS, 3000, 10)).mean() <= _at_most(
        agreement.FALSE_REFUSALS
    )


@pytest.mark.parametrize(("ratio", "rows"), [(0.15, 467), (0.2, 129), (0.3, 41), (0.6, 9), (0.98, 4)])
def test_a_version_that_differs_is_refused_after_few_rows(ratio: float, rows: int) -> None:
    assert np.median(_rows_until_refused(ratio, 500, 4 * rows, 1)) <= 1.2 * rows


def _rows_until_worse(disagreement: float, wrong: float, streams: int, rows: int, every: int) -> Array:
    random = np.random.default_rng(10)
    differing = random.binomial(every, disagreement, (streams, rows // every))
    only_stable = random.binomial(differing, wrong)
    stable_right: Any = np.cumsum(only_stable, axis=1)
    canary_right: Any = np.cumsum(differing - only_stable, axis=1)
    counts = PairedCounts(only_stable_right=stable_right, only_canary_right=canary_right)
    return _rows_until(labels.is_worse(counts), np.arange(every, rows + 1, every))


def test_a_canary_that_is_right_as_often_is_hardly_ever_rolled_back_by_labels() -> None:
    rolled_back = np.isfinite(_rows_until_worse(0.1, 0.5, STREAMS, 10_000, 25)).mean()
    assert rolled_back <= _at_most(labels.FALSE_ROLLBACKS)


# At .005, the budget of a rollout; 390 and 2,260 rows would do at .01.
@pytest.mark.parametrize(("wrong", "rows"), [(0.75, 400), (0.6, 2700)])
def test_a_canary_that_is_wrong_more_often_is_found_by_labels(wrong: float, rows: int) -> None:
    assert np.median(_rows_until_worse(0.1, wrong, 500, 4 * rows, 5)) <= 1.2 * rows


def _labels_until_alarm(accuracy: float, streams: int, rows: int, every: int) -> Array:
    wrong = _running(np.random.default_rng(11), 1 - accuracy, streams, rows, every)
    at: Array = np.arange(every, rows + 1, every)
    everywhere: Any = np.broadcast_to(at, wrong.shape)
    counts = QualityCounts(labels=everywhere, wrong=wrong)
    return _rows_until(labels.is_below_reference(counts, 0.95, 0.03), at)


@pytest.mark.parametrize("accuracy", [0.95, 0.92])
def test_quality_within_the_tolerance_hardly_ever_raises_an_alarm(accuracy: float) -> None:
    assert np.isfinite(_labels_until_alarm(accuracy, STREAMS, 5000, 20)).mean() <= _at_most(
        labels.FALSE_ALARMS
    )


@pytest.mark.parametrize(("rows", "share"), [(54, 0.02), (400, 0.002)])
@pytest.mark.parametrize("accuracy", [0.7, 0.8, 0.95])
def test_held_back_rows_hardly_ever_promise_more_than_the_accuracy_with_its_tolerance(
    accuracy: float, rows: int, share: float
) -> None:
    right = np.random.default_rng(12).binomial(rows, accuracy, 20_000) / rows
    least = np.array([labels.surely(each, rows) for each in right])
    # Of few rows there are few shares, so that it is not one in twenty to the point.
    assert (least > accuracy).mean() <= 0.07
    assert (least - 0.03 > accuracy).mean() <= share


@pytest.mark.parametrize(("accuracy", "rows"), [(0.7, 25), (0.8, 70), (0.85, 180), (0.88, 630)])
def test_quality_below_the_tolerance_is_found_after_few_labels(accuracy: float, rows: int) -> None:
    assert np.median(_labels_until_alarm(accuracy, 500, 4 * rows, 1)) <= 1.2 * rows


def _experiments(challenger: float, champion: float, effect: float, looks: int, streams: int) -> Array:
    """Return for each experiment its first verdict and the units of each version then, looked at each 100."""
    random = np.random.default_rng(12)
    ones = [
        np.cumsum(random.binomial(100, ratio, (streams, looks)), axis=1).tolist()
        for ratio in (challenger, champion)
    ]
    found: list[tuple[Difference, float]] = []
    for stream in range(streams):
        found.append((Difference.UNDECIDED, math.inf))
        for look in range(looks):
            units = 100 * (look + 1)
            samples = [
                Sample(units=units, total=each[stream][look], total_of_squares=each[stream][look])
                for each in ones
            ]
            verdict = experiment.compare(samples[0], samples[1], effect)
            if verdict is not Difference.UNDECIDED:
                found[-1] = (verdict, units)
                break
    return found


def test_an_experiment_without_a_difference_hardly_ever_finds_one() -> None:
    # No effect is small enough for "no difference" here, so that all looks are taken.
    found = _experiments(0.1, 0.1, 1e-6, 296, 400)
    wrong = sum(verdict is not Difference.UNDECIDED for verdict, _ in found) / 400
    assert wrong <= _at_most(experiment_sizes.FALSE_VERDICTS, 400)


@pytest.mark.parametrize(
    ("challenger", "champion", "units"), [(0.12, 0.1, 3700), (0.11, 0.1, 12_600), (0.85, 0.8, 1200)]
)
def test_an_experiment_names_the_better_version(challenger: float, champion: float, units: int) -> None:
    found = _experiments(challenger, champion, 1e-6, 300, 200)
    assert np.median([at for _, at in found]) <= 1.2 * units
    assert {verdict for verdict, _ in found} <= {Difference.BETTER, Difference.UNDECIDED}


@pytest.mark.parametrize(("challenger", "verdict"), [(0.12, Difference.BETTER), (0.1, Difference.NONE)])
def test_the_units_that_are_foretold_suffice_for_nine_of_ten(challenger: float, verdict: Difference) -> None:
    units = experiment_sizes.units_needed(experiment_sizes.deviation_of_ratio(0.11), 0.02)
    found = _experiments(challenger, 0.1, 0.02, math.ceil(units / 100), 300)
    assert sum(each is verdict for each, _ in found) / 300 >= _at_least(0.9, 300)
