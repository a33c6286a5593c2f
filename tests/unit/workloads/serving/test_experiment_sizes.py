"""Sizes of experiments."""

import math

import pytest

from workloads.serving import experiment_sizes


def _width_of_the_paper(deviation: float, units: int, alpha: float, tuned_for: int) -> float:
    """Return equation 9 of arXiv 2103.06476 with the rho of its equation 161, term by term as printed."""
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned_for)
    first = 2 * (units * rho**2 + 1) / (units**2 * rho**2)
    return deviation * math.sqrt(first * math.log(math.sqrt(units * rho**2 + 1) / alpha))


def test_units_needed_are_the_fewest_that_suffice() -> None:
    needed = experiment_sizes.units_needed(experiment_sizes.deviation_of_ratio(0.11), 0.02)
    margins = []
    for units in (needed - 1, needed):
        error = math.sqrt(2 * 0.11 * 0.89 / units)
        width = _width_of_the_paper(error * math.sqrt(2 * units), 2 * units, 0.05, 5000)
        margins.append(0.02 - width - 1.2815515655446004 * error)
    assert needed == 9489
    assert margins[0] < 0 <= margins[1]


def test_half_the_effect_needs_about_four_times_as_many_units() -> None:
    assert experiment_sizes.units_needed(1.0, 0.1) == 3743
    assert experiment_sizes.units_needed(1.0, 0.05) == 15946
    assert experiment_sizes.units_needed(0.001, 1.0) == experiment_sizes.LEAST_UNITS


def test_questions_without_an_answer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^minimumEffect: -1 is not positive"):
        experiment_sizes.units_needed(1.0, -1)
    with pytest.raises(ValueError, match=r"^deviation: 0 is not positive"):
        experiment_sizes.units_needed(0, 0.1)
    with pytest.raises(ValueError, match=r"^minimum effect: 1e-09 is too small to be found"):
        experiment_sizes.units_needed(1.0, 1e-9)
