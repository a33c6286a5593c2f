"""Runs one command of a night, with its output to a log and to the terminal, and ends it on a signal."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from harness.night.phases import Command

_GRACE_SECONDS = 20.0
# A background program may keep the pipe open after the command has ended.
_DRAIN_SECONDS = 1.0
_TAIL_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a command ended."""

    code: int | None
    """Exit code; None if it did not end in time."""
    seconds: float
    tail: str
    """Last lines of its output."""


class Stop:
    """Ends the running command on the first SIGINT or SIGTERM to this process; later ones have no effect."""

    def __init__(self) -> None:
        """Start without a signal."""
        self.by = ""
        """Name of the signal; empty until it comes."""
        self._child: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """Handle both signals, even if a shell had them ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if not self.by:
            self.by = signal.Signals(number).name
            if self._child is not None:
                signal_group(self._child, signal.SIGTERM)

    def watch(self, child: "subprocess.Popen[bytes] | None") -> None:
        """Set the process that a signal ends; None shields the next one."""
        self._child = child


def signal_group(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Send a signal to a process and all others in its session."""
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def run(
    command: Command,
    *,
    log: Path,
    environment: Mapping[str, str],
    stop: Stop,
    show: Callable[[str], None],
    tick: Callable[[], None],
    shielded: bool = False,
) -> Execution:
    """Run a command until it ends, times out or is stopped; no process of its session survives.

    Args:
        command: The command.
        log: File to which all of its output is appended.
        environment: Its environment.
        stop: Ends the process on a signal.
        show: Called with each line.
        tick: Called at least once a second.
        shielded: Whether signals do not end it, because it cleans up.
    """
    began = time.monotonic()
    # If this process is killed, the kernel sends SIGTERM to the command.
    argv = ["setpriv", "--pdeathsig", "TERM", *command.argv]
    child = subprocess.Popen(
        argv,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    stop.watch(None if shielded else child)
    try:
        if stop.by and not shielded:
            signal_group(child, signal.SIGTERM)
        tail, in_time = _follow(child, command, log, stop, show, tick, shielded=shielded)
        code = child.poll() if in_time else None
    finally:
        stop.watch(None)
        signal_group(child, signal.SIGKILL)
        child.wait()
    return Execution(code=code, seconds=round(time.monotonic() - began, 2), tail="\n".join(tail))


class _Output:
    """Output of a command: written to the log, shown, and its last lines kept."""

    def __init__(self, pipe: IO[bytes], log: IO[bytes], show: Callable[[str], None]) -> None:
        self._pipe = pipe
        self._log = log
        self._show = show
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.closed = False

    def read(self) -> None:
        """Read what arrives within a second."""
        if not self._selector.select(timeout=_DRAIN_SECONDS):
            return
        chunk = os.read(self._pipe.fileno(), 65536)
        self._log.write(chunk)
        self._log.flush()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk:
            self.closed = True
            self._selector.close()
            lines = [self._rest] if self._rest else []
        for line in lines:
            self.tail.append(line.decode(errors="replace").rstrip())
            self._show(self.tail[-1])


def _follow(
    child: "subprocess.Popen[bytes]",
    command: Command,
    log: Path,
    stop: Stop,
    show: Callable[[str], None],
    tick: Callable[[], None],
    *,
    shielded: bool,
) -> tuple[deque[str], bool]:
    """Read a command's output until it has ended; return its last lines and whether it ended in time."""
    if child.stdout is None:
        raise ValueError("the command was started without a pipe for its output")
    deadline = time.monotonic() + command.timeout_seconds
    kill_at = drained = float("inf")
    with child.stdout, log.open("ab") as file:
        output = _Output(child.stdout, file, show)
        while True:
            if output.closed:
                # There is no more output; wait for the end.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=_DRAIN_SECONDS)
            else:
                output.read()
            tick()
            now = time.monotonic()
            if kill_at == float("inf") and (now >= deadline or (stop.by and not shielded)):
                signal_group(child, signal.SIGTERM)
                kill_at = now + _GRACE_SECONDS
            if now >= kill_at:
                signal_group(child, signal.SIGKILL)
            if child.poll() is not None:
                drained = min(drained, now + _DRAIN_SECONDS)
                if now >= drained or output.closed:
                    return output.tail, now < deadline
