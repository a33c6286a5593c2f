"""The one place that sleeps: until something is due. In a load run gevent lets all others work meanwhile."""

import time

_LONGEST_SECONDS = 3600.0


def until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock; not at all if it is over."""
    remaining = moment - time.monotonic()
    if remaining > 0:
        time.sleep(min(remaining, _LONGEST_SECONDS))


def pause(seconds: float) -> None:
    """Sleep between two looks at something."""
    until(time.monotonic() + seconds)
