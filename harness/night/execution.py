"""Runs one command of a night: its output to a log and line by line to whoever watches; ended on a signal."""

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
# A program that goes on in the background may hold the pipe of a command that has ended.
_DRAIN_SECONDS = 1.0
_TAIL_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a command ended."""

    code: int | None
    """None if it did not end in time."""
    seconds: float
    tail: str
    """The end of what it said."""


class Stop:
    """The first SIGINT or SIGTERM to this process ends what runs; later ones find that under way already."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.by = ""
        """Name of the signal; empty until it comes."""
        self._child: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """Take both signals over, even where a shell had them ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if not self.by:
            self.by = signal.Signals(number).name
            if self._child is not None:
                signal_group(self._child, signal.SIGTERM)

    def watch(self, child: "subprocess.Popen[bytes] | None") -> None:
        """Name the process that a signal is to end; None shields what runs next."""
        self._child = child


def signal_group(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Send a signal to a process and all that it started in its session."""
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
    """Run a command to its end, its bound, or the night's; nothing that it started in its session survives.

    Args:
        command: what to run.
        log: where all of its output goes.
        environment: its variables.
        stop: learns which process to end.
        show: told each line.
        tick: called at least once a second.
        shielded: whether a signal leaves it alone, because it cleans up.
    """
    began = time.monotonic()
    # If this process is killed the command gets SIGTERM from the kernel.
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
    """The pipe of a command: what comes goes to the log, to who watches, and the end of it is kept."""

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
        """Take what comes within a second."""
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
    """Read a command's output until it has ended; return the end of it, and whether that was in time."""
    if child.stdout is None:
        raise ValueError("the command was started without a pipe for its output")
    deadline = time.monotonic() + command.timeout_seconds
    kill_at = drained = float("inf")
    with child.stdout, log.open("ab") as file:
        output = _Output(child.stdout, file, show)
        while True:
            if output.closed:
                # All that could speak is silent; only its end is waited for.
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
