"""How a platform grows with the number of its objects: time of a read, and memory by component."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.memory import Memory

SHARES = (0.1, 0.5, 1.0)
"""Shares of all objects at which reads are timed."""
_READS = 5
# Less is the garbage of a collector that has not run.
_LEAST_MIB = 1.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """A moment at which so many objects exist."""

    count: int
    seconds: float
    """Since the first of them was asked for; the reads themselves are left out."""
    reads: Mapping[str, float]
    """Read -> median milliseconds."""


@dataclass(kw_only=True)
class Stage:
    """Objects of one kind, made in one go."""

    what: str
    """What they are, in plural."""
    points: list[Point] = field(default_factory=list[Point])
    memory: Mapping[str, float] = field(default_factory=dict[str, float])
    """Component -> MiB that it took more with all of them than without; proportional set sizes."""
    peak: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same, at the most while they were made."""
    bounded_mib: float | None = None
    """MiB that a bound of docs/figures is for; None if there is no such bound."""


def goals(count: int) -> list[int]:
    """Return the numbers of objects at which a stage of `count` objects is looked at."""
    return sorted({max(1, math.ceil(count * share)) for share in SHARES})


def milliseconds(read: Callable[[], object], times: int = _READS) -> float:
    """Return the median time of a read; the first one, which opens a connection, does not count."""
    read()
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        read()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def added(before: Sequence[Memory], after: Sequence[Memory]) -> dict[str, float]:
    """Return component -> MiB that it takes more than before, the largest first; up to a MiB is left out."""
    was = {row.component: row.proportional for row in before}
    more = {row.component: row.proportional - was.get(row.component, 0.0) for row in after}
    return dict(
        sorted(((name, mib) for name, mib in more.items() if mib > _LEAST_MIB), key=lambda each: -each[1])
    )


def highest(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """Return the larger value of each component, the largest first."""
    names = first.keys() | second.keys()
    most = {name: max(first.get(name, 0.0), second.get(name, 0.0)) for name in names}
    return dict(sorted(most.items(), key=lambda each: -each[1]))
