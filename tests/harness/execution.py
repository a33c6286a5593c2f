"""Runs one command of a night: its output to a log and line by line to whoever watches; ended on a signal."""

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

from tests.harness.phases import Command

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
        tail = _follow(child, command, log, stop, show, tick, shielded=shielded)
        code = child.poll()
    finally:
        stop.watch(None)
        signal_group(child, signal.SIGKILL)
        child.wait()
    return Execution(code=code, seconds=round(time.monotonic() - began, 2), tail="\n".join(tail))


def _follow(
    child: "subprocess.Popen[bytes]",
    command: Command,
    log: Path,
    stop: Stop,
    show: Callable[[str], None],
    tick: Callable[[], None],
    *,
    shielded: bool,
) -> deque[str]:
    """Read a command's output until it has ended, or must."""
    assert child.stdout is not None
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    pipe = child.stdout.fileno()
    deadline = time.monotonic() + command.timeout_seconds
    kill_at = float("inf")
    drained = float("inf")
    rest = b""
    with selectors.DefaultSelector() as selector, log.open("ab") as file:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=min(1.0, _DRAIN_SECONDS)):
                chunk = os.read(pipe, 65536)
                if not chunk:
                    break
                file.write(chunk)
                file.flush()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    tail.append(line.decode(errors="replace").rstrip())
                    show(tail[-1])
            tick()
            now = time.monotonic()
            ending = now >= deadline or (stop.by and not shielded)
            if ending and kill_at == float("inf"):
                signal_group(child, signal.SIGTERM)
                kill_at = now + _GRACE_SECONDS
            if now >= kill_at:
                signal_group(child, signal.SIGKILL)
            if child.poll() is not None:
                drained = min(drained, now + _DRAIN_SECONDS)
                if now >= drained:
                    break
    if rest:
        tail.append(rest.decode(errors="replace"))
        show(tail[-1])
    return tail
