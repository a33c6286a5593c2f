"""One run of the engine: its processes, its events, and how it is ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from cluster import marked
from cluster.instance import ENGINE_MARK

_POLL_SECONDS = 0.2
# Interrupted, the engine lets operations in flight finish; then it is killed.
ENDING_SECONDS = 30.0
_RUNS = "runs"


class Child:
    """A running engine and the events that it writes."""

    def __init__(self, process: subprocess.Popen[bytes], events: IO[bytes]) -> None:
        self._process = process
        self._events = events

    def lines(self) -> Iterator[str]:
        """Yield the complete lines of events, until the engine exits."""
        rest = b""
        while True:
            ended = self._process.poll() is not None
            chunk = self._events.read(1 << 20)
            if chunk:
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line.decode() for line in whole if line.strip())
            elif ended:
                return
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=_POLL_SECONDS)

    def wait(self) -> int:
        """Return the exit code."""
        return self._process.wait()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A command of the engine."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """The engine's folder."""
    seconds: float | None = None
    """After so long it is interrupted; by default it may take any time."""

    @contextlib.contextmanager
    def started(self, output: IO[str]) -> Generator[Child]:
        """Run the engine in its own session: an interrupt reaches it once, and no process of it survives.

        The kernel sends it SIGTERM when this process dies. Its providers are in process groups of their own,
        so they are found by the run's mark in their environment. That is a folder, and is deleted afterwards:
        the Kubernetes provider copies the kubeconfig into a temporary file, and leaves it.

        Raises:
            KeyboardInterrupt: it was interrupted, and has exited.
        """
        mark = self.folder / _RUNS / uuid.uuid4().hex
        mark.mkdir(parents=True, mode=0o700)
        # In memory. Not a file: the program's debug messages contain secrets in plain text. Not a pipe:
        # the engine opens it for reading too, and would block forever if this process were killed.
        with os.fdopen(os.memfd_create("events"), "rb", buffering=0) as events:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self.argv, "--event-log", f"/dev/fd/{events.fileno()}"],
                env={**self.environment, ENGINE_MARK: str(mark), "TMPDIR": str(mark)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[events.fileno()],
            )
            try:
                with _interrupts_to(process), _ended_after(process, self.seconds):
                    yield Child(process, events)
            finally:
                marked.end(ENGINE_MARK, mark, "the engine")
                process.wait()
                shutil.rmtree(mark)


def end_runs(folder: Path) -> None:
    """Kill and delete what is left of an engine's runs; only if no living process holds the engine's lock."""
    marked.end(ENGINE_MARK, folder / _RUNS, "the engine")
    shutil.rmtree(folder / _RUNS, ignore_errors=True)


@contextlib.contextmanager
def _interrupts_to(process: subprocess.Popen[bytes]) -> Generator[None]:
    """Forward interrupts: the first lets operations in flight finish; the second stops the engine at once."""
    forwarded: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        forwarded.append(number)
        if len(forwarded) == 1:
            _interrupt(process)
        else:
            process.kill()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, forward) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if forwarded:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float | None) -> Generator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _interrupt, [process])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the engine, and kill it if it has not ended ENDING_SECONDS later."""
    process.send_signal(signal.SIGINT)
    killing = threading.Timer(ENDING_SECONDS, process.kill)
    killing.daemon = True
    killing.start()
