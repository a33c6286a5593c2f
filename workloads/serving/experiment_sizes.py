"""How large an experiment is: the width of its interval, and the units after which it comes to a verdict.

The interval holds at all looks together (an asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas, equation 9, with both samples in one, as GrowthBook does it). Nothing here reads data.
"""

import math

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


def half_width(variance: float, units: int) -> float:
    """Return how far the true difference may be off, at all looks together.

    Args:
        variance: Variance of the difference of the means.
        units: Units of both versions together.
    """
    growth = units * _RATE + 1
    return math.sqrt(variance * 2 * growth * math.log(math.sqrt(growth) / FALSE_VERDICTS) / (units * _RATE))


def units_needed(deviation: float, minimum_effect: float) -> int:
    """Return after how many units of each version there is a verdict, in most experiments.

    It is in nine of ten where the true difference is as large as the minimum effect, and in eight of ten
    where there is none: both ends of the interval must be close then. Larger differences are found sooner; a
    true one of half the minimum effect takes longest.

    Args:
        deviation: Standard deviation of the metric; `deviation_of_ratio` for one that is 0 or 1.
        minimum_effect: Smallest difference of the means that matters to anybody.

    Raises:
        ValueError: one of them is not positive, or the effect is too small to be found; one line.
    """
    check_effect(minimum_effect)
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


def check_effect(minimum_effect: float) -> None:
    """Refuse a smallest difference that is none.

    Raises:
        ValueError: it is not positive; one line.
    """
    if minimum_effect <= 0:
        raise ValueError(f"minimumEffect: {minimum_effect} is not positive; give the difference that matters")


def _suffices(units: int, deviation: float, minimum_effect: float) -> bool:
    variance = 2 * deviation**2 / units
    return half_width(variance, 2 * units) + _QUANTILE_OF_POWER * math.sqrt(variance) <= minimum_effect
