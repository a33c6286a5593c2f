"""Waits until a native instance has come to rest, so that its memory is that of an idle platform."""

import time
from collections.abc import Mapping

from cluster.instance import Instance
from cluster.wait import wait_for
from harness import memory, processes

_REST_SECONDS = 180
# An idle platform spends a fifth of a CPU on probes and watches; one that is starting uses all there is.
_CPUS_AT_REST = 0.5


def cpus_used(before: Mapping[int, float], after: Mapping[int, float], seconds: float) -> float:
    """Return how many CPUs processes used between two readings of their CPU seconds, by process id."""
    return sum(after[pid] - before.get(pid, 0.0) for pid in after) / max(seconds, 0.1)


def is_at_rest(cpus: float) -> bool:
    """Return whether a platform that uses so many CPUs is idle; one that uses none has no processes."""
    return 0 < cpus < _CPUS_AT_REST


def wait_until_at_rest(instance: Instance) -> None:
    """Wait until start-up work is over, as the CPU time of the instance's processes shows."""
    spent = _cpu_seconds(instance)
    moment = time.monotonic()

    def busy() -> str | None:
        nonlocal spent, moment
        before, began = spent, moment
        spent, moment = _cpu_seconds(instance), time.monotonic()
        cpus = cpus_used(before, spent, moment - began)
        return None if is_at_rest(cpus) else f"{cpus:.2f} CPUs busy"

    wait_for("rest", busy, timeout_seconds=_REST_SECONDS, interval_seconds=5)


def _cpu_seconds(instance: Instance) -> dict[int, float]:
    return {pid: processes.cpu_seconds(pid) for pid in memory.find_members(instance)}
