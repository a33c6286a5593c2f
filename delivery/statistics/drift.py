"""Drift: whether live traffic still looks like the rows that a model was trained on.

Every function takes counts per bin along the last axis, and any number of axes before it. A bin that is empty
on both sides does not count, so variables of fewer bins may be filled up with zeros.
"""

from functools import cache
from math import erfc, exp, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]

TAU = 0.2
"""A population stability index below it is harmless, however certain it is."""
FALSE_ALARMS = 0.001
"""Share of undrifted windows in which any variable may pass its threshold; an alarm needs two in a row."""
FEWEST_EFFECTIVE_ROWS = 500
_SMOOTHING = 0.5


def population_stability_index(reference: Counts, live: Counts) -> NDArray[np.float64]:
    """Return how far two distributions are apart, from counts per bin; each bin counts half a row more.

    0 is no difference; 0.1 to 0.2 is usually called moderate, and more than that large.
    """
    used, bins = _used(reference, live)
    expected = (reference + _SMOOTHING) / (reference.sum(axis=-1) + _SMOOTHING * bins)[..., None]
    found = (live + _SMOOTHING) / (live.sum(axis=-1) + _SMOOTHING * bins)[..., None]
    return np.where(used, (found - expected) * np.log(found / expected), 0.0).sum(axis=-1)


def threshold(
    reference: Counts, live: Counts, phi: Any, variables: int, tau: float = TAU
) -> NDArray[np.float64]:
    """Return the index that a variable must pass: chance makes less of so many rows, and tau is exceeded.

    Args:
        reference: Counts of the training rows.
        live: Counts of a window.
        phi: How many rows of the window are worth one independent row.
        variables: How many variables are looked at together.
        tau: The least index that matters.
    """
    _, bins = _used(reference, live)
    quantile = chi2_quantile(1 - FALSE_ALARMS / variables, np.maximum(bins - 1, 1))
    noise = np.asarray(phi) / np.maximum(live.sum(axis=-1), 1) + 1 / np.maximum(reference.sum(axis=-1), 1)
    return np.maximum(tau, quantile * noise)


def chi2_quantile(probability: float, degrees: Any) -> NDArray[np.float64]:
    """Return a quantile of the chi-squared distribution, for whole degrees of freedom.

    The approximation of Wilson and Hilferty is up to 3 % off where thresholds are, so this is exact.
    """
    wanted = np.asarray(degrees)
    found = [_quantile(probability, int(each)) for each in wanted.reshape(-1)]
    return np.array(found).reshape(wanted.shape)


def dispersion(subwindows: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Pearson's statistic of the subwindows of each variable, and its degrees of freedom.

    Args:
        subwindows: Counts by subwindow and bin, the last two axes.
    """
    totals = subwindows.sum(axis=-1, keepdims=True)
    whole = subwindows.sum(axis=-2, keepdims=True)
    rows = whole.sum(axis=-1, keepdims=True)
    expected = totals * (whole / np.maximum(rows, 1))
    terms = np.divide((subwindows - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    filled = (totals > 0).sum(axis=(-2, -1))
    bins = (whole > 0).sum(axis=(-2, -1))
    return terms.sum(axis=(-2, -1)), (np.maximum(filled - 1, 0) * np.maximum(bins - 1, 0)).astype("float64")


def overdispersion(subwindows: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many rows are worth one independent row: of each variable, and of all together, at least 1.

    Rows that resemble their neighbours vary more between subwindows than independent ones. A variable counts
    as no better than all together: its own estimate is noisy.

    Args:
        subwindows: Counts by variable, subwindow and bin, the last three axes.
    """
    statistic, degrees = dispersion(subwindows)
    own = np.divide(statistic, degrees, out=np.ones_like(statistic), where=degrees > 0)
    together = statistic.sum(axis=-1) / np.maximum(degrees.sum(axis=-1), 1)
    pooled = np.maximum(together, 1.0)
    return np.maximum(own, pooled[..., None]), pooled


def is_complete(rows: Any, phi: Any, window_rows: int) -> Any:
    """Return whether a window has its rows, and enough of them count as independent."""
    return (np.asarray(rows) >= window_rows) & (np.asarray(rows) / phi >= FEWEST_EFFECTIVE_ROWS)


def _used(reference: Counts, live: Counts) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    used = (reference > 0) | (live > 0)
    return used, used.sum(axis=-1)


@cache
def _quantile(probability: float, degrees: int) -> float:
    low, high = 0.0, 1.0
    while _survival(high, degrees) > 1 - probability:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _survival(middle, degrees) > 1 - probability else (low, middle)
    return high


def _survival(value: float, degrees: int) -> float:
    """Return the chance that a chi-squared variable is above a value: closed forms, two degrees at a time."""
    half = value / 2
    found = erfc(sqrt(half)) if degrees % 2 else exp(-half)
    term = sqrt(half / pi) * 2 * exp(-half) if degrees % 2 else half * exp(-half)
    for each in range(4 - degrees % 2, degrees + 1, 2):
        found += term
        term *= half / (each / 2)
    return found
