"""Evidence that the canary fails more often."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.statistics import errors
from delivery.statistics.errors import StepCounts

STABLE = [Fraction(each) for each in ("0.0005", "0.002", "0.01", "0.05", "0.2")]
GRID = [
    (stable, canary)
    for stable in STABLE
    for canary in [*(stable + Fraction(each) for each in ("0.01", "0.03", "0.1", "0.3")), Fraction("0.95")]
]
SHARES = (Fraction("0.05"), Fraction("0.25"), Fraction("0.5"))


def _step(share: float, canary: tuple[int, int], stable: tuple[int, int]) -> StepCounts:
    """Return the counts of a step: (failures, requests) of each version."""
    return StepCounts(
        canary_share=share,
        canary_failures=canary[0],
        canary_requests=canary[1],
        stable_failures=stable[0],
        stable_requests=stable[1],
    )


def _exactly(steps: list[tuple[Fraction, tuple[int, int], tuple[int, int]]]) -> float:
    """Return the evidence in whole fractions, request by request as the definition has it."""
    total = Fraction(0)
    for stable_ratio, canary_ratio in GRID:
        ratio = Fraction(1)
        for share, canary, stable in steps:
            both = share * canary_ratio + (1 - share) * stable_ratio
            for (failures, requests), own in ((canary, canary_ratio), (stable, stable_ratio)):
                ratio *= (own / both) ** failures * ((1 - own) / (1 - both)) ** (requests - failures)
        total += ratio
    average = total / len(GRID)
    return math.log10(average.numerator) - math.log10(average.denominator)


def test_the_threshold_is_two_hundred() -> None:
    assert pytest.approx(math.log10(200)) == errors.THRESHOLD


def test_one_failure_of_the_canary_at_an_even_split_is_known_by_hand() -> None:
    # canary / ((canary + stable) / 2), averaged over the 25 alternatives.
    by_hand = sum(2 * canary / (canary + stable) for stable, canary in GRID) / 25
    evidence = errors.log10_evidence([_step(0.5, (1, 1), (0, 0))])
    assert evidence == pytest.approx(math.log10(by_hand), rel=1e-13)
    assert evidence == pytest.approx(0.224619, abs=1e-6)


def test_counts_of_several_steps_give_the_evidence_of_the_definition() -> None:
    steps = [
        (SHARES[0], (1, 10), (0, 190)),
        (SHARES[1], (3, 48), (1, 152)),
        (SHARES[2], (6, 101), (2, 99)),
    ]
    shipped = errors.log10_evidence([_step(float(share), *counts) for share, *counts in steps])
    assert shipped == pytest.approx(_exactly(steps), rel=1e-11)
    assert shipped == pytest.approx(1.21963, abs=1e-5)


def test_the_average_over_the_alternatives_comes_after_the_steps() -> None:
    steps = [_step(0.05, (3, 10), (0, 190)), _step(0.5, (0, 100), (0, 100))]
    apart = sum(errors.log10_evidence([step]) for step in steps)
    assert errors.log10_evidence(steps) != pytest.approx(apart, abs=0.1)


def test_a_canary_that_always_fails_is_found_after_a_handful_of_its_requests() -> None:
    found = [
        failures
        for failures in range(10)
        if errors.fails_more([_step(0.05, (failures, failures), (0, 19 * failures))])
    ]
    assert found[0] == 2


def test_a_step_that_compares_nothing_carries_no_evidence() -> None:
    assert errors.log10_evidence([]) == 0
    assert errors.log10_evidence([_step(0.0, (0, 0), (50, 100)), _step(1.0, (50, 100), (1, 3))]) == 0
    both = [_step(1.0, (50, 100), (1, 3)), _step(0.5, (1, 1), (0, 0))]
    assert errors.log10_evidence(both) == errors.log10_evidence(both[1:])


@given(
    st.sampled_from(SHARES),
    st.integers(min_value=1, max_value=500),
    st.tuples(*[st.integers(min_value=0, max_value=500)] * 3),
    st.booleans(),
)
def test_one_more_request_is_worth_nothing_on_the_average(
    share: Fraction, canary_failures: int, others: tuple[int, int, int], fails: bool
) -> None:
    """Whether it fails or not: the gateway's choice alone decides which version it counts for."""
    canary_good, stable_failures, stable_good = others
    worth = int(fails)
    canary = (canary_failures, canary_failures + canary_good)
    stable = (stable_failures, stable_failures + stable_good)
    now = errors.log10_evidence([_step(float(share), canary, stable)])
    to_canary = errors.log10_evidence([_step(float(share), (canary[0] + worth, canary[1] + 1), stable)])
    to_stable = errors.log10_evidence([_step(float(share), canary, (stable[0] + worth, stable[1] + 1))])
    after = float(share) * 10 ** (to_canary - now) + float(1 - share) * 10 ** (to_stable - now)
    assert after == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_better_canary_is_no_evidence(share: float) -> None:
    requests = int(1000 * share)
    assert errors.log10_evidence([_step(share, (0, requests), (200, 1000 - requests))]) < -1


def test_a_canary_without_a_failure_has_no_evidence_however_few_requests_it_got() -> None:
    assert errors.log10_evidence([_step(0.5, (0, 1), (0, 400))]) == 0
    assert errors.log10_evidence([_step(0.5, (1, 1), (0, 400))]) > errors.THRESHOLD
    assert errors.log10_evidence([_step(0.5, (0, 200), (0, 200))]) < 0


def test_arrays_of_counts_give_an_array_of_evidence() -> None:
    failures = [0, 1, 5, 40]
    counts: Any = np.array(failures)
    steps = [_step(0.05, (0, 10), (1, 190)), _step(0.5, (counts, 100), (1, 100))]
    evidence: Any = errors.log10_evidence(steps)
    alone = [errors.log10_evidence([steps[0], _step(0.5, (each, 100), (1, 100))]) for each in failures]
    assert np.asarray(evidence).tolist() == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((5.0, (0, 1), (0, 1)), "canary share: 5.0 is no share; divide the weight by the sum of all"),
        ((-0.1, (0, 1), (0, 1)), "canary share: -0.1 is no share"),
        ((0.5, (2, 1), (0, 1)), "failures of the canary: 2 of 1; give counts"),
        ((0.5, (0, 1), (-1, 1)), "failures of the stable version: -1 of 1; give counts"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        _step(*counts)


def test_a_status_holds_the_state_and_gives_the_same_evidence_again() -> None:
    step = _step(0.25, (3, 48), (1, 152))
    assert StepCounts(**vars(step)) == step
    assert {type(each) for each in vars(step).values()} == {int, float}


def test_every_combination_of_alternatives_is_worse_than_stable() -> None:
    assert len(GRID) == len({*GRID}) == 25
    assert all(canary > stable for stable, canary in GRID)
    shipped = [ratio for pair in errors._ALTERNATIVES for ratio in pair]
    assert shipped == pytest.approx([float(ratio) for pair in GRID for ratio in pair], rel=1e-12)
