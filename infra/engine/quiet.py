"""Drops the program's debug messages."""

from pulumi import log


def drop_debug_messages() -> None:
    """Replace `pulumi.log.debug` with a function that does nothing.

    Each message is a call to the engine that the program waits for. Together they take a fifth of its time,
    and `Engine` discards them.
    """
    log.debug = lambda *_, **__: None  # pyright: ignore[reportUnknownLambdaType]
