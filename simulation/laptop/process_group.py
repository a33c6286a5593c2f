"""Processes that end together: with the program that started them, however that one ends."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

# The leader of the group holds one end of a pipe; the kernel closes the other one also if we are killed.
_LEADER: Final = ("sh", "-c", "read _; kill -KILL 0")
_END_SECONDS: Final = 30


def last_line(log: Path) -> str:
    """Return the last line of a log; an empty text if it has none, or is not there yet."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else ""


class ProcessGroup:
    """A group of processes, which a terminal's Ctrl-C does not reach; all are dead when the context ends."""

    def __enter__(self) -> "ProcessGroup":
        self._members: list[subprocess.Popen[bytes]] = []
        self._leader = subprocess.Popen(
            _LEADER,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leader.stdin:
            self._leader.stdin.close()
        for each in (self._leader, *self._members):
            each.wait(timeout=_END_SECONDS)

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process of the group.

        Args:
            argv: its command.
            environment: its whole environment; without one, that of this process.
            log: file for its output; without one it writes where this process does.
        """
        # Opened for a moment: the process has a copy of its own.
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else None
        try:
            member = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=environment,
                process_group=self._leader.pid,
            )
        finally:
            if sink is not None:
                os.close(sink)
        self._members.append(member)
        return member
