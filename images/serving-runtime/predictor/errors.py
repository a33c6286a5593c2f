"""Errors in requests, each with its HTTP status."""


class RequestError(Exception):
    """An error that the client must correct; the text says what was given and what the model takes."""

    status = 400
    kind = "invalid_input"


class NotFoundError(RequestError):
    """No such model, or no such path below it."""

    status = 404
    kind = "not_found"


class MethodError(RequestError):
    """The path exists, but not with this method."""

    status = 405
    kind = "wrong_method"

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class TooLargeError(RequestError):
    """A body beyond the limit."""

    status = 413
    kind = "too_large"
