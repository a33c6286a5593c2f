"""Waits in a pod until a service answers; fails with the last error when the time is over."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotReadyError(Exception):
    """A service did not answer in time; the message contains the last error."""


def until_answered(
    call: Callable[[], T],
    *,
    what: str,
    retry_on: type[Exception] | tuple[type[Exception], ...],
    timeout_seconds: float = 120.0,
) -> T:
    """Return the first result of `call`, which must bound the time that it takes itself.

    Network policies take a second to apply to a new pod. Until then a connection may be refused, and one
    that was opened before they apply may hang.

    Raises:
        NotReadyError: `call` still failed after the timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return call()
        except retry_on as error:
            if time.monotonic() >= deadline:
                raise NotReadyError(f"{what} did not answer within {timeout_seconds:g} s: {error}") from error
            time.sleep(1.0)
