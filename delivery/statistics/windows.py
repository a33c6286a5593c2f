"""Windows of live traffic: they fill up with counts, and two in a row beyond their thresholds alarm."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from delivery.statistics import drift
from delivery.statistics.drift import FALSE_ALARMS, TAU

Counts = tuple[int, ...]

SUBWINDOWS = 10
"""How many parts a window of ordinary size has; rows of one part may resemble each other."""
_MOST_SUBWINDOWS = 64
_OUTSIDE_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a window has counted so far; nothing else is kept of it."""

    subwindows: tuple[Mapping[str, Counts], ...] = ()
    """Rows by bin of each variable; all but the last have their rows."""
    part_rows: int = 0
    """Rows of a subwindow, once there was one."""
    suspects: frozenset[str] = frozenset()
    """Variables that the window before found beyond their thresholds."""

    @property
    def rows(self) -> int:
        """Rows of the variable that has most."""
        return max((sum(each) for each in self.totals.values()), default=0)

    @property
    def totals(self) -> dict[str, Counts]:
        """Rows by bin of each variable."""
        totals: dict[str, Counts] = {}
        for part in self.subwindows:
            totals = summed(totals, part)
        return totals


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far one variable is from the reference."""

    index: float
    """Population stability index."""
    threshold: float
    phi: float
    """How many of its rows are worth one independent row."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a complete window shows."""

    rows: int
    phi: float
    distances: dict[str, Distance]
    alarms: frozenset[str]
    """Variables beyond their thresholds in this window and in the one before."""
    following: Window
    """The next window, empty."""

    @property
    def effective_rows(self) -> float:
        """How many independent rows the window is worth."""
        return self.rows / self.phi


def added(window: Window, counts: Mapping[str, Counts], window_rows: int) -> Window:
    """Return a window with more rows.

    Args:
        window: The window so far.
        counts: New rows by bin of each variable.
        window_rows: Rows of a window.
    """
    size = window.part_rows or max(1, window_rows // SUBWINDOWS)
    parts = list(window.subwindows)
    if parts and _rows(parts[-1]) < size:
        parts[-1] = summed(parts[-1], counts)
    else:
        parts.append(dict(counts))
    if len(parts) > _MOST_SUBWINDOWS:
        # Rows that resemble each other for long keep a window open: its parts grow, not their number.
        size *= 2
        parts = [
            summed(*parts[at : at + 2]) if parts[at + 1 :] else parts[at] for at in range(0, len(parts), 2)
        ]
    return Window(subwindows=tuple(parts), part_rows=size, suspects=window.suspects)


def effective_rows(window: Window, references: Mapping[str, Counts]) -> float:
    """Return how many independent rows a window is worth so far."""
    _, live = _arrays(window, references)
    _, pooled = drift.overdispersion(live)
    return window.rows / float(pooled)


def judged(
    window: Window, references: Mapping[str, Counts], window_rows: int, tau: float = TAU
) -> Judgement | None:
    """Compare a window with the reference; None if it has too few rows yet.

    Args:
        window: The window.
        references: Training rows, or held-back rows, by bin of each variable.
        window_rows: Least rows of a window.
        tau: The least population stability index that matters.
    """
    if window.rows < window_rows or not references:
        return None
    reference, live = _arrays(window, references)
    phi, pooled = drift.overdispersion(live)
    if not drift.is_complete(window.rows, pooled, window_rows):
        return None
    totals = live.sum(axis=-2)
    indices = drift.population_stability_index(reference, totals)
    limits = drift.threshold(reference, totals, phi, len(references), tau)
    found = {
        name: Distance(index=float(index), threshold=float(limit), phi=float(own))
        for name, index, limit, own in zip(references, indices, limits, phi, strict=True)
    }
    suspects = frozenset(name for name, each in found.items() if each.index > each.threshold)
    return Judgement(
        rows=window.rows,
        phi=float(pooled),
        distances=found,
        alarms=suspects & window.suspects,
        following=Window(suspects=suspects),
    )


def grown(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Counts]:
    """Return the rows by bin between two answers of one pod to `GET /bins`.

    A process that started in between has counted from zero.
    """
    known: Mapping[str, Any] = before["variables"] if before and before["start"] == after["start"] else {}
    return {
        name: tuple(
            int(new) - int(old)
            for new, old in zip(
                each["counts"],
                known[name]["counts"] if name in known else [0] * len(each["counts"]),
                strict=True,
            )
        )
        for name, each in after["variables"].items()
    }


def is_outside_too_often(outside: int, rows: int, reference_rows: int, phi: float, variables: int) -> bool:
    """Return whether more rows are outside of the training range than rows of the same source would be.

    Of the source of m rows, the share beyond their range is distributed as Gamma(2)/m, half a chi-squared of
    four degrees; the live rows add their own noise.

    Args:
        outside: Rows below the least or above the greatest number of training.
        rows: Rows of the window.
        reference_rows: Rows that the range comes from.
        phi: How many rows are worth one independent row.
        variables: How many variables are looked at together.
    """
    share = FALSE_ALARMS / variables
    limit = max(_OUTSIDE_SHARE, float(drift.chi2_quantile(1 - share, 4)) / (2 * reference_rows))
    return outside / rows > limit + NormalDist().inv_cdf(1 - share) * sqrt(limit * phi / rows)


def is_constant(changes: int, rows: int, reference: Counts) -> bool:
    """Return whether a variable never changed in a window, which it does in training."""
    return changes == 0 and rows >= drift.FEWEST_EFFECTIVE_ROWS and sum(each > 0 for each in reference) > 1


def _arrays(window: Window, references: Mapping[str, Counts]) -> tuple[Any, Any]:
    """Return counts of the reference and of the subwindows by variable, filled up to as many bins."""
    bins = max(map(len, references.values()))
    reference = np.zeros((len(references), bins))
    live = np.zeros((len(references), max(len(window.subwindows), 1), bins))
    for place, (name, counts) in enumerate(references.items()):
        reference[place, : len(counts)] = counts
        for at, part in enumerate(window.subwindows):
            if name in part:
                live[place, at, : len(counts)] = part[name]
    return reference, live


def summed(first: Mapping[str, Counts], second: Mapping[str, Counts]) -> dict[str, Counts]:
    """Return the rows by bin of both."""
    total = dict(first)
    for name, counts in second.items():
        total[name] = tuple(map(sum, zip(total[name], counts, strict=True))) if name in total else counts
    return total


def _rows(part: Mapping[str, Counts]) -> int:
    return max(map(sum, part.values()), default=0)
