"""What one thing adds to a request: two servers that differ in it alone, measured in turns.

In turns, because a machine whose speed changes within minutes would hide a microsecond.
"""

import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from harness import processes
from harness.bench import closed_loop
from harness.bench.closed_loop import LoadFigures, LoadTarget

_TURNS = 6


@dataclass(frozen=True, kw_only=True)
class Side:
    """A server, and all that works for its requests."""

    target: LoadTarget
    network_of: int
    """Process in whose network namespace the client runs."""
    servers: tuple[int, ...]
    """Processes that work for the requests."""
    after: Callable[[], object] = lambda: None
    """Work that a turn's requests make for later, such as reading what was recorded of them."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """What one thing adds to a request."""

    what: str
    p50_ms: float
    p50_ratio: float
    """Median with it, divided by the median without it."""
    p99_ms: float
    cpu_ms: float
    """Of all servers together."""
    cpu_ratio: float
    """CPU with it, divided by CPU without it."""


def measure(
    what: str,
    without: Side,
    having: Side,
    *,
    client_cpu: int | None = None,
    pins: Mapping[int, int] | None = None,
    requests: int = 2000,
    turns: int = _TURNS,
) -> Added:
    """Measure both sides in turns, with one connection.

    Args:
        what: Name of what one side has.
        without: The side without it.
        having: The side with it.
        client_cpu: CPU of the client; any by default.
        pins: CPU of each process that is pinned to one.
        requests: Requests of a turn.
        turns: Number of turns of each side; the one before them is not counted.

    Raises:
        LoadError: a request failed.
    """
    sides = (without, having)
    loads: tuple[list[LoadFigures], list[LoadFigures]] = ([], [])
    spent = [0.0, 0.0]
    with ExitStack() as pinned:
        for pid, cpu in (pins or {}).items():
            pinned.enter_context(processes.pinned(pid, cpu))
        for turn in range(turns + 1):
            # Neither side is always the first.
            for at in (0, 1) if turn % 2 else (1, 0):
                side = sides[at]
                before = sum(map(processes.cpu_seconds, side.servers))
                load = closed_loop.run(
                    side.target, network_of=side.network_of, requests=requests, connections=1, cpu=client_cpu
                )
                side.after()
                if turn:
                    loads[at].append(load)
                    spent[at] += sum(map(processes.cpu_seconds, side.servers)) - before
    each_ms = [1000 * seconds / (turns * requests) for seconds in spent]
    pairs = list(zip(*loads, strict=True))
    return Added(
        what=what,
        p50_ms=statistics.median(second.p50_ms - first.p50_ms for first, second in pairs),
        p50_ratio=statistics.median(second.p50_ms / first.p50_ms for first, second in pairs),
        p99_ms=statistics.median(second.p99_ms - first.p99_ms for first, second in pairs),
        cpu_ms=each_ms[1] - each_ms[0],
        cpu_ratio=each_ms[1] / each_ms[0],
    )
