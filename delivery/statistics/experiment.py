"""Experiment: which of two versions has the better mean of some metric, and is the difference worth anything?

The interval for the difference of the two means holds at all looks together with probability 1 -
`FALSE_VERDICTS` (an asymptotic confidence sequence, `workloads.serving.experiment_sizes`). "Asymptotic" means
for means of many units: below `LEAST_UNITS` there is no verdict.

A unit is what was assigned to a version: a caller, a session, or a request if nothing else is known. Several
rows of one caller are one unit, or the interval is too narrow.
"""

from dataclasses import dataclass
from enum import StrEnum

from workloads.serving.experiment_sizes import LEAST_UNITS, check_effect, half_width


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


def compare(challenger: Sample, champion: Sample, minimum_effect: float) -> Difference:
    """Return the verdict on the challenger.

    Args:
        challenger: What its units gave.
        champion: What those of the champion gave.
        minimum_effect: Smallest difference of the means that matters to anybody. Larger is better.
    """
    check_effect(minimum_effect)
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


def _variance(sample: Sample) -> float:
    """Return the variance of the metric among units, without the bias of the estimated mean."""
    mean = sample.total / sample.units
    return (sample.total_of_squares / sample.units - mean**2) * sample.units / (sample.units - 1)
