"""Bounded waits for a status, which an error ends early. No other module here sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

from workloads.errors import WorkloadsError

T = TypeVar("T")


def wait(
    what: str,
    read: Callable[[], T],
    *,
    ready: Callable[[T], bool],
    error: Callable[[T], str | None] = lambda _: None,
    describe: Callable[[T], str] = str,
    timeout_seconds: float,
    interval_seconds: float | Callable[[T], float] = 1.0,
    successes: int = 1,
) -> T:
    """Read a status until it is ready `successes` times in a row; return the last one.

    The interval may follow from the status.

    Raises:
        WorkloadsError: the timeout expired, or `error` returned a reason; it describes the last status.
    """
    deadline = time.monotonic() + timeout_seconds
    in_a_row = 0
    while True:
        status = read()
        if reason := error(status):
            raise WorkloadsError(f"{what}: {reason}")
        in_a_row = in_a_row + 1 if ready(status) else 0
        if in_a_row >= successes:
            return status
        if time.monotonic() >= deadline:
            raise WorkloadsError(f"{what}: not within {timeout_seconds:.0f} s; last seen: {describe(status)}")
        time.sleep(interval_seconds(status) if callable(interval_seconds) else interval_seconds)


def wait_for(
    what: str,
    probe: Callable[[], str | None],
    *,
    timeout_seconds: float,
    interval_seconds: float = 1.0,
    successes: int = 1,
) -> None:
    """Wait until `probe` returns None `successes` times in a row; a text describes the state so far.

    A probe that sees a terminal state raises, which ends the wait early.

    Raises:
        WorkloadsError: the timeout expired; the message has the last state.
    """
    wait(
        what,
        probe,
        ready=lambda state: state is None,
        timeout_seconds=timeout_seconds,
        interval_seconds=interval_seconds,
        successes=successes,
    )
