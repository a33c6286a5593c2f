"""The engine's lock on a stack's state: which process holds it, and whether its runner is alive.

The engine removes its lock when it exits, and leaves it behind when it is killed. When only its runner is
killed, the kernel sends the engine SIGTERM: it finishes and records what it began, which takes seconds.
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

# On SIGTERM the engine aborts its waits, but a call to a slow Kubernetes API may still have to return.
ENDING_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class EngineLock:
    """A lock, as recorded in its file."""

    pid: int
    host: str
    since: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the lock in a file; None if the file is gone or half written."""
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
        """Whether its engine is running; assumed if the lock is of another machine."""
        return not self._is_here or _is_engine(self.pid)

    def await_end(self) -> None:
        """Wait up to ENDING_SECONDS for its engine to exit; not for an engine on another machine."""
        if not self._is_here:
            return
        sys.stderr.write(f"the previous run was killed: waiting for its engine to exit (pid {self.pid})\n")
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
    """Return whether a process is alive and is Pulumi: process ids are reused."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.rpartition(b"/")[2] == b"pulumi" for word in words)


@contextlib.contextmanager
def mark_runner(folder: Path) -> Generator[None]:
    """Hold a file lock that shows that an engine's runner is alive; the kernel releases it when it dies."""
    with locked(folder / "runner", fcntl.LOCK_SH):
        yield


def has_runner(folder: Path) -> bool:
    """Return whether the runner of the engine with this folder is alive."""
    try:
        with locked(folder / "runner", fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True
