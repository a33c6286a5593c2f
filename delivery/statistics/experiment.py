"""Experiment: which of two versions has the better mean of some metric, and is the difference worth anything?

The interval for the difference of the two means holds at all looks together with probability 1 -
`FALSE_VERDICTS` (an asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, equation
9, with both samples in one, as GrowthBook does it). "Asymptotic" means for means of many units: below
`LEAST_UNITS` there is no verdict.

A unit is what was assigned to a version: a caller, a session, or a request if nothing else is known. Several
rows of one caller are one unit, or the interval is too narrow.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

FALSE_VERDICTS = 0.05
"""Share of experiments whose interval ever misses the true difference, at most."""
LEAST_UNITS = 100
"""Units of each version below which there is no verdict."""
TUNED_FOR_UNITS = 5000
"""Units of both versions together for which the interval is narrowest; elsewhere it is slightly wider."""

# Of the normal distribution: nine of ten means are less than so many standard errors too low.
_QUANTILE_OF_POWER = 1.2815515655446004
_MOST_UNITS = 10**12
# The paper's equation for the width that is best at a number of units.
_RATE = (-2 * math.log(FALSE_VERDICTS) + math.log(1 - 2 * math.log(FALSE_VERDICTS))) / TUNED_FOR_UNITS


class Difference(StrEnum):
    """What is known of the challenger in comparison with the champion."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "no difference"
    """None larger than the minimum effect, in either direction."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Units of one version; of a metric that is 0 or 1, both sums are the number of ones."""

    units: int = 0
    total: float = 0.0
    """Sum of the metric over all units."""
    total_of_squares: float = 0.0

    def __post_init__(self) -> None:
        # No numbers have such a mean and such squares; the rest is rounding.
        if self.units < 0 or self.total**2 > self.units * self.total_of_squares * (1 + 1e-9):
            raise ValueError(
                f"sample: {self.units} units cannot sum up to {self.total} with squares of "
                f"{self.total_of_squares}; give the sums over the same units"
            )


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Mean of the challenger minus mean of the champion, and how far the true difference may be off."""

    difference: float
    half_width: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.difference - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.difference + self.half_width


def interval(challenger: Sample, champion: Sample) -> Interval | None:
    """Return the interval in which the difference is; None while units are few or all alike."""
    if min(challenger.units, champion.units) < LEAST_UNITS:
        return None
    variances = [_variance(each) for each in (challenger, champion)]
    if min(variances) <= 0:
        return None
    difference = challenger.total / challenger.units - champion.total / champion.units
    variance = variances[0] / challenger.units + variances[1] / champion.units
    return Interval(difference=difference, half_width=half_width(variance, challenger.units + champion.units))


def half_width(variance: float, units: int) -> float:
    """Return how far the true difference may be off, at all looks together.

    Args:
        variance: Variance of the difference of the means.
        units: Units of both versions together.
    """
    growth = units * _RATE + 1
    return math.sqrt(variance * 2 * growth * math.log(math.sqrt(growth) / FALSE_VERDICTS) / (units * _RATE))


def compare(challenger: Sample, champion: Sample, minimum_effect: float) -> Difference:
    """Return the verdict on the challenger.

    Args:
        challenger: What its units gave.
        champion: What those of the champion gave.
        minimum_effect: Smallest difference of the means that matters to anybody. Larger is better.
    """
    _check_effect(minimum_effect)
    found = interval(challenger, champion)
    if found is None:
        return Difference.UNDECIDED
    if found.low > 0:
        return Difference.BETTER
    if found.high < 0:
        return Difference.WORSE
    if found.low >= -minimum_effect and found.high <= minimum_effect:
        return Difference.NONE
    return Difference.UNDECIDED


def units_needed(deviation: float, minimum_effect: float) -> int:
    """Return after how many units of each version there is a verdict, in nine of ten experiments at least.

    It holds where the true difference is as large as the minimum effect, and where there is none. Larger ones
    are found sooner; a true difference of half the minimum effect takes longest.

    Args:
        deviation: Standard deviation of the metric; `deviation_of_ratio` for one that is 0 or 1.
        minimum_effect: Smallest difference of the means that matters to anybody.
    """
    _check_effect(minimum_effect)
    if deviation <= 0:
        raise ValueError(
            f"deviation: {deviation} is not positive; a metric that never varies needs no experiment"
        )
    few, many = LEAST_UNITS - 1, LEAST_UNITS
    while not _suffices(many, deviation, minimum_effect):
        few, many = many, 2 * many
        if many > _MOST_UNITS:
            raise ValueError(f"minimum effect: {minimum_effect} is too small to be found; give a larger one")
    while many - few > 1:
        middle = (few + many) // 2
        if _suffices(middle, deviation, minimum_effect):
            many = middle
        else:
            few = middle
    return many


def deviation_of_ratio(ratio: float) -> float:
    """Return the standard deviation of a metric that is 1 in this share of units, and 0 in the others."""
    return math.sqrt(ratio * (1 - ratio))


def _suffices(units: int, deviation: float, minimum_effect: float) -> bool:
    variance = 2 * deviation**2 / units
    return half_width(variance, 2 * units) + _QUANTILE_OF_POWER * math.sqrt(variance) <= minimum_effect


def _variance(sample: Sample) -> float:
    """Return the variance of the metric among units, without the bias of the estimated mean."""
    mean = sample.total / sample.units
    return (sample.total_of_squares / sample.units - mean**2) * sample.units / (sample.units - 1)


def _check_effect(minimum_effect: float) -> None:
    if minimum_effect <= 0:
        raise ValueError(f"minimumEffect: {minimum_effect} is not positive; give the difference that matters")
