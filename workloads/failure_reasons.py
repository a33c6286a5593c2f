"""Why a step failed or waits, in one line: from what its workflow says of its pod, and from its log."""

import re
from typing import Final

_LONGEST: Final = 600
_OUT_OF_MEMORY: Final = "out of memory: it needed more than its memory limit (OOMKilled)"
_EXCEPTION: Final = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt))(?:: (.*))?$"
)
# Of pip and most other commands.
_ERROR_LINE: Final = re.compile(r"^(?:ERROR|error|fatal): *(.+)$")
# Of Kubeflow Pipelines' own launcher and driver.
_GO_LINE: Final = re.compile(r"^[EF]\d{4} [\d:.]+ +\d+ \S+:\d+\] (.+)$")
# A pod says so between its creation and its start.
_STARTING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})


def reason(message: str, log: str) -> str:
    """Return why a step failed.

    Args:
        message: what its workflow says of its pod; it may end with the last lines of the log.
        log: its whole log; empty if it never started, or if nobody kept it.
    """
    if "OOMKilled" in message:
        return _OUT_OF_MEMORY
    text = log or message
    return exception_in(text) or error_in(text) or one_line(message) or "no message"


def waiting(message: str) -> str:
    """Return why a pod has not started yet; empty if it is about to."""
    return "" if message in _STARTING else one_line(message)


def exception_in(log: str) -> str:
    """Return the last exception in a step's log; for a ValueError, its message alone."""
    matches = [match for line in log.splitlines() if (match := _EXCEPTION.match(line.strip()))]
    if not matches:
        return ""
    name, message = matches[-1].group(1), (matches[-1].group(2) or "").strip()
    return message if name == "ValueError" and message else f"{name}: {message}".removesuffix(": ")


def error_in(log: str) -> str:
    """Return the last line by which a command, or else the pipeline's own launcher, tells of an error."""
    for pattern in (_ERROR_LINE, _GO_LINE):
        matches = [match for line in log.splitlines() if (match := pattern.match(line.strip()))]
        if matches:
            return one_line(matches[-1].group(1))
    return ""


def one_line(text: str) -> str:
    """Return a text without line breaks, and not longer than people read."""
    joined = " ".join(text.split())
    return joined if len(joined) <= _LONGEST else f"{joined[:_LONGEST]}…"
