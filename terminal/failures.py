"""Ends a command with one line where Python would show a traceback."""

import os
import sys
from types import TracebackType

from terminal import answers

_LENGTH = 400
# Shows the traceback, for those who mend the command.
VARIABLE = "PLINTH_TRACEBACK"


def in_one_line() -> None:
    """Show an error that nothing caught as one line; with PLINTH_TRACEBACK set, as Python does."""
    if not os.environ.get(VARIABLE):
        sys.excepthook = _show


def line(error: BaseException) -> str:
    """Return an error as one line."""
    if (answer := answers.said(error)) is not None:
        return f"error: {answer}"
    text = " ".join(str(error).split()) or "no message"
    short = text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
    return f"error: {type(error).__name__}: {short} ({VARIABLE}=1 shows where)"


def _show(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    message = "error: interrupted" if isinstance(error, KeyboardInterrupt) else line(error)
    sys.stderr.write(f"{message}\n")
