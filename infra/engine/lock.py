"""The lock that the engine takes on a stack's state: who holds it, and whether that run is still wanted.

The engine removes its lock when it ends, and leaves it behind when it is killed. When only its runner is
killed, the kernel tells the engine to end: it finishes what it began and records it, which takes seconds.
"""

import contextlib
import fcntl
import json
import os
import select
import socket
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from upstream.cache import locked

# What the engine awaits when it is told to end is broken off; the Kubernetes API may be slow to answer.
ENDING_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class EngineLock:
    """One lock as its file describes it."""

    pid: int
    host: str
    since: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what a file says; None if it is gone or half written."""
        try:
            content: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        return cls(
            pid=int(content.get("pid", 0)),
            host=content.get("hostname", ""),
            since=content.get("timestamp", "unknown"),
        )

    @property
    def may_be_alive(self) -> bool:
        """Whether its engine runs, on this machine or perhaps on another."""
        return not self._is_here or _is_engine(self.pid)

    def await_end(self) -> None:
        """Wait until its engine has ended or ENDING_SECONDS are over; not for one on another machine."""
        if not self._is_here:
            return
        sys.stderr.write(f"the run before was killed: waiting for its engine to end (pid {self.pid})\n")
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                select.select([handle], [], [], ENDING_SECONDS)
            finally:
                os.close(handle)

    @property
    def _is_here(self) -> bool:
        return self.host == socket.gethostname()


def _is_engine(pid: int) -> bool:
    """Return whether a process lives and is Pulumi: numbers are used again."""
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@contextlib.contextmanager
def running(folder: Path) -> Generator[None]:
    """Let others see that an engine's runner lives; the kernel takes the mark away when it does not."""
    with locked(folder / "runner", fcntl.LOCK_SH):
        yield


def has_runner(folder: Path) -> bool:
    """Return whether a runner of an engine lives that keeps its files in a folder."""
    try:
        with locked(folder / "runner", fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True
