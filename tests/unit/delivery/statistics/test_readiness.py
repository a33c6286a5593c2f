"""Requests that a canary must answer well before it is promoted."""

import math
from typing import Any

import numpy as np
import pytest

from delivery.statistics import readiness
from delivery.statistics.readiness import Step

STEPS = (
    Step(canary_share=0.05, seconds=10),
    Step(canary_share=0.25, seconds=10),
    Step(canary_share=0.5, seconds=10),
)


def test_the_threshold_is_twenty() -> None:
    assert pytest.approx(math.log10(20)) == readiness.THRESHOLD


def test_the_evidence_of_counts_is_known_by_hand() -> None:
    by_hand = sum((ratio / 0.01) * ((1 - ratio) / 0.99) ** 199 for ratio in (0.0005, 0.001, 0.0025, 0.005))
    evidence = readiness.log10_evidence(200, 1, 0.01)
    assert evidence == pytest.approx(math.log10(by_hand / 4), rel=1e-12)


def test_a_clean_canary_is_promoted_after_363_requests_and_not_before() -> None:
    assert readiness.requests_needed(0.01) == 363
    assert readiness.is_good_enough(363, 0, 0.01)
    assert not readiness.is_good_enough(362, 0, 0.01)


def test_no_requests_are_no_evidence_and_failures_take_it_away() -> None:
    assert readiness.log10_evidence(0, 0, 0.01) == 0
    assert not readiness.is_good_enough(0, 0, 0.01)
    assert not readiness.is_good_enough(363, 1, 0.01)
    assert readiness.log10_evidence(1000, 10, 0.01) < 0


@pytest.mark.parametrize(
    ("bound", "ratio", "expected"),
    [(0.01, 0.001, 489), (0.01, 0.004, 1733), (0.001, 0.0, 3642), (0.05, 0.0, 71), (0.1, 0.01, 47)],
)
def test_requests_needed_are_the_fewest_whose_evidence_suffices(
    bound: float, ratio: float, expected: int
) -> None:
    needed = readiness.requests_needed(bound, ratio)
    assert needed == expected
    assert needed is not None
    assert readiness.log10_evidence(needed, needed * ratio, bound) >= readiness.THRESHOLD
    assert readiness.log10_evidence(needed - 1, (needed - 1) * ratio, bound) < readiness.THRESHOLD


@pytest.mark.parametrize("ratio", [0.008, 0.01, 0.5])
def test_a_canary_near_the_bound_or_above_is_never_promoted(ratio: float) -> None:
    assert readiness.requests_needed(0.01, ratio) is None


@pytest.mark.parametrize(
    ("rate", "seconds"),
    # At 100/s the first two steps bring 50 and 250 requests, and 63 are left for the third.
    [(100.0, 30.0), (50.0, 28.52 + 2.0), (20.0, 20 + 303 / 10), (5.0, 20 + 348 / 2.5), (1.0, 20 + 360 / 0.5)],
)
def test_seconds_needed_follow_from_the_rate_and_the_steps(rate: float, seconds: float) -> None:
    # At 50/s: 25 + 125, and 213 at 25 a second.
    expected = {50.0: 30.0}.get(rate, seconds)
    assert readiness.seconds_needed(363, rate, STEPS) == pytest.approx(expected, rel=1e-12)


def test_arrays_of_counts_give_an_array_of_verdicts() -> None:
    requests: Any = np.array([362, 363, 2000])
    verdicts: Any = readiness.is_good_enough(requests, 0, 0.01)
    assert verdicts.tolist() == [False, True, True]


@pytest.mark.parametrize("bound", [0.0, 1.0, -1.0, 5.0])
def test_a_bound_is_a_ratio(bound: float) -> None:
    with pytest.raises(ValueError, match=f"^maxErrorRatio: {bound} is no ratio between 0 and 1; 0.01 allows"):
        readiness.log10_evidence(10, 0, bound)


def test_counts_plans_and_ratios_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^failures of the canary: 2 of 1; give counts"):
        readiness.log10_evidence(1, 2, 0.01)
    with pytest.raises(ValueError, match=r"^failure ratio: 1\.0 is no ratio"):
        readiness.requests_needed(0.01, 1.0)
    for steps, rate in (((), 1.0), ((Step(canary_share=0, seconds=1),), 1.0), (STEPS, 0.0)):
        with pytest.raises(ValueError, match=r"^steps: without requests to the canary there is no verdict"):
            readiness.seconds_needed(363, rate, steps)
