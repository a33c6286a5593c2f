"""Evidence is an average of likelihood ratios, on numbers and on arrays."""

import math
from typing import Any

import numpy as np
import pytest

from delivery.statistics import evidence


def test_a_threshold_is_the_logarithm_of_one_over_the_probability() -> None:
    assert evidence.threshold_for(0.005) == pytest.approx(math.log10(200), rel=1e-15)
    assert evidence.threshold_for(0.05) == pytest.approx(math.log10(20), rel=1e-15)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 5.0])
def test_a_threshold_is_for_a_probability(probability: float) -> None:
    with pytest.raises(
        ValueError, match=f"^false verdicts: {probability} is no probability between 0 and 1$"
    ):
        evidence.threshold_for(probability)


def test_the_average_is_one_of_numbers_and_not_of_logarithms() -> None:
    # 1, 10 and 100: 37.
    assert evidence.average([0.0, 1.0, 2.0]) == pytest.approx(math.log10(37), rel=1e-14)
    assert evidence.average([7.5]) == 7.5


def test_neither_large_nor_small_numbers_overflow() -> None:
    assert evidence.average([4000.0, 4000.0, -4000.0, -4000.0]) == pytest.approx(
        4000 - math.log10(2), rel=1e-14
    )
    assert evidence.average([-4000.0, -4000.0]) == pytest.approx(-4000, rel=1e-14)


def test_an_array_is_averaged_as_its_numbers_are() -> None:
    columns: Any = [np.array([0.0, 300.0, -5.0]), np.array([2.0, -300.0, 700.0])]
    averages: Any = evidence.average(columns)
    numbers = [evidence.average([float(column[row]) for column in columns]) for row in range(3)]
    assert averages.tolist() == pytest.approx(numbers, rel=1e-14)


def test_the_evidence_of_a_ratio_is_its_likelihood_over_that_of_the_bound() -> None:
    # Two hits of three: .5 * .5 * .5 against .1 * .1 * .9, and .25 * .25 * .75 against the same.
    expected = math.log10((0.125 / 0.009 + 0.046875 / 0.009) / 2)
    assert evidence.for_ratio(3, 2, 0.1, [0.5, 0.25]) == pytest.approx(expected, rel=1e-13)
    assert evidence.for_ratio(0, 0, 0.1, [0.5, 0.25]) == 0


def test_one_more_row_is_worth_nothing_on_the_average_at_the_bound() -> None:
    now = 10 ** evidence.for_ratio(50, 7, 0.1, [0.3])
    hit, miss = (10 ** evidence.for_ratio(51, hits, 0.1, [0.3]) for hits in (8, 7))
    assert 0.1 * hit + 0.9 * miss == pytest.approx(now, rel=1e-12)
    # Below the bound, which is as innocent, it loses.
    assert 0.05 * hit + 0.95 * miss < now


@pytest.mark.parametrize(("total", "part"), [(3, 4), (3, -1), (-1, 0)])
def test_a_part_is_no_more_than_its_total(total: int, part: int) -> None:
    with pytest.raises(ValueError, match=rf"^labels: {part} of {total}; give counts, the part between 0 and"):
        evidence.check_counts("labels", total, part)


def test_one_impossible_count_of_an_array_is_found() -> None:
    parts: Any = np.array([0, 1, 9])
    evidence.check_counts("labels", 9, parts)
    with pytest.raises(ValueError, match="labels"):
        evidence.check_counts("labels", 8, parts)
