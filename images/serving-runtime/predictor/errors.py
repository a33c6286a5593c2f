"""Errors in requests, each with its HTTP status."""

from typing import Any


class RequestError(Exception):
    """An error that the client must correct; the text says what was given and what the model takes."""

    status = 400
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Response headers that name the remedy."""


def missing_names(what: str, missing: list[str], unknown: set[Any]) -> RequestError:
    """Return the error of a request that lacks names, with those that it has instead, perhaps misspelled."""
    found = sorted(map(str, unknown))
    hint = f", unknown {what} {found[:10]}" if found else ""
    return RequestError(f"missing {what} {missing}{hint}")


class NotFoundError(RequestError):
    """No such model, or no such path below it."""

    status = 404


class MethodError(RequestError):
    """The path exists, but not with this method."""

    status = 405

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.headers = ((b"allow", allowed.encode()),)


class TooLargeError(RequestError):
    """A body beyond the limit."""

    status = 413


class EncodingError(RequestError):
    """A body in an encoding that the server does not decode."""

    status = 415
    headers = ((b"accept-encoding", b"gzip"),)


class BusyError(RequestError):
    """The bodies of other requests take all the memory that bodies may take."""

    status = 503
    headers = ((b"retry-after", b"1"),)


class AnswerError(Exception):
    """An answer of the model that no response can carry."""
