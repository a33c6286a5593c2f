"""Sleeps until something is due. No other module here sleeps; gevent runs the other users in the meantime."""

import time

_LONGEST_SECONDS = 3600.0


def until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock; return at once if it has passed."""
    remaining = moment - time.monotonic()
    if remaining > 0:
        time.sleep(min(remaining, _LONGEST_SECONDS))


def pause(seconds: float) -> None:
    """Sleep between two reads of a status."""
    until(time.monotonic() + seconds)
