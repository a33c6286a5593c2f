"""Finds and ends processes by a folder in their environment, which their children inherit."""

import os
import signal
from pathlib import Path

from cluster.wait import wait_for

_END_SECONDS = 30.0


def processes(variable: str, folder: Path) -> list[int]:
    """Return the ids of the processes whose variable names a folder, or one below it."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _is_below(folder, _value(entry.name, variable))
    ]


def end(variable: str, folder: Path, what: str) -> None:
    """Kill the processes and wait until they are gone.

    Raises:
        ClusterError: one of them does not end; the text names `what` and the processes.
    """

    def ended() -> str | None:
        left = processes(variable, folder)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return f"processes {left}" if left else None

    wait_for(f"end of {what}", ended, timeout_seconds=_END_SECONDS)


def _is_below(folder: Path, value: str | None) -> bool:
    return value is not None and (value == str(folder) or value.startswith(f"{folder}/"))


def _value(pid: str, variable: str) -> str | None:
    """Return a variable of a process; None if it has none, or has ended."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    start = f"{variable}=".encode()
    return next((os.fsdecode(each[len(start) :]) for each in variables if each.startswith(start)), None)
