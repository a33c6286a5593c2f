"""Waiting in a pod for a service that is about to answer: bounded, and loud when it never does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotReadyError(Exception):
    """A service did not answer in time; the text holds its last answer."""


def until_answered(
    call: Callable[[], T], *, what: str, retry_on: type[Exception], timeout_seconds: float = 120.0
) -> T:
    """Return the first answer of `call`; a new pod's network may need a second to be let through.

    Raises:
        NotReadyError: `call` still failed when the time was over.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return call()
        except retry_on as error:
            if time.monotonic() >= deadline:
                raise NotReadyError(f"{what} did not answer within {timeout_seconds:g} s: {error}") from error
            time.sleep(1.0)
