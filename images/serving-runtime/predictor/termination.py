"""Says in one line why the predictor ends, where Kubernetes and KServe pass it on."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

_LOGGER = logging.getLogger("predictor")
# Kubernetes mounts it into every container; KServe copies its text into the status of the service.
_MESSAGE = Path("/dev/termination-log")
_MAX_CHARACTERS = 1000


def end(what: str, error: BaseException, message_file: Path = _MESSAGE) -> NoReturn:
    """End the process because of an error: the traceback goes to the log, one line to Kubernetes.

    Args:
        what: What failed.
        error: Why.
        message_file: Where Kubernetes reads the reason.
    """
    _LOGGER.error("%s", what, exc_info=error)
    line = f"{what}: {reason(error)}"[:_MAX_CHARACTERS]
    if message_file.exists():
        message_file.write_text(line)
    # The last line of the log is the message where that file cannot be written.
    print(line, file=sys.stderr, flush=True)
    sys.exit(1)


def reason(error: BaseException) -> str:
    """Return an error in one line; where a missing package is behind it, that one with the remedy."""
    for each in _chain(error):
        if isinstance(each, ModuleNotFoundError):
            missing = each.name or "that it names"
            return f"ModuleNotFoundError: {each} (this runtime has no {missing}: choose one that has it)"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
