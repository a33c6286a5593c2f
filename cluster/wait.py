"""Bounded waits that end early when waiting is pointless; nothing else in this package sleeps."""

import time
from collections.abc import Callable

from cluster.errors import ClusterError


def wait_for(
    what: str,
    probe: Callable[[], str | None],
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.1,
    successes: int = 1,
) -> None:
    """Wait until `probe` returns None so many times in a row; a text that it returns is the current state.

    A probe that sees a terminal state raises, which ends the wait early.

    Raises:
        ClusterError: the time is over; the message contains the last state.
    """
    deadline = time.monotonic() + timeout_seconds
    in_a_row = 0
    while True:
        state = probe()
        in_a_row = in_a_row + 1 if state is None else 0
        if in_a_row >= successes:
            return
        if time.monotonic() >= deadline:
            raise ClusterError(f"{what}: not after {timeout_seconds:.0f} s; last seen: {state}")
        time.sleep(interval_seconds)
