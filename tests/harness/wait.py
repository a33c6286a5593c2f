"""The wait of journeys: the workloads' own, and its short form for a probe that says what is missing."""

from collections.abc import Callable

from workloads.wait import wait

__all__ = ["wait", "wait_for"]


def wait_for(
    what: str,
    probe: Callable[[], str | None],
    *,
    timeout_seconds: float,
    interval_seconds: float = 1.0,
    successes: int = 1,
) -> None:
    """Wait until `probe` returns None that many times in a row; a text that it returns is the state so far.

    A probe that sees a terminal state raises, which ends the wait early.
    """
    wait(
        what,
        probe,
        ready=lambda state: state is None,
        timeout_seconds=timeout_seconds,
        interval_seconds=interval_seconds,
        successes=successes,
    )
