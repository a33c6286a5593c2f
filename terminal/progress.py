"""Progress of long work: lines that stay, and on a terminal a last line that changes."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

_CLEAR = "\r\x1b[K"


class Progress:
    """Writes progress to a stream; threads may share it.

    A log gets whole lines only. A terminal also gets a last line, which the next line replaces.
    """

    def __init__(
        self,
        title: str = "",
        stream: TextIO | None = None,
        *,
        columns: int = 79,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            title: name of the work, shown in front of lines and in the last line; may be empty.
            stream: standard output by default.
            columns: maximum length of the last line: a terminal cannot clear a wrapped one.
            clock: seconds, from any origin.
        """
        self._title = title
        self._stream = stream or sys.stdout
        self._columns = columns
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self.live = self._stream.isatty()
        """Whether the stream is a terminal."""

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    def line(self, text: str, count: str = "") -> None:
        """Write a line that stays, headed by the title, a count such as `3/7` and the seconds so far."""
        head = " ".join(filter(None, (self._title, count)))
        self.plain(f"[{f'{head}, ' if head else ''}{self.seconds:.0f} s] {text}")

    def plain(self, text: str) -> None:
        """Write a line that stays, without a head."""
        self._write(f"{text}\n")

    def status(self, text: str) -> None:
        """Replace the last line of a terminal; with a title, add it and the seconds so far."""
        if self.live:
            full = f"{self._title}: {text}, {self.seconds:.0f} s" if self._title else text
            self._write(full[: self._columns])

    def clear(self) -> None:
        """Clear the last line of a terminal."""
        if self.live:
            self._write("")

    def _write(self, text: str) -> None:
        with self._lock:
            self._stream.write(f"{_CLEAR if self.live else ''}{text}")
            self._stream.flush()


@dataclass
class _Task:
    state: str = "waiting"
    started: float = 0.0


class TaskProgress:
    """Progress of named tasks: one line per change of state, with how many tasks have ended."""

    def __init__(self, title: str, names: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock; every task is waiting."""
        self._progress = Progress(title, clock=clock)
        self._tasks = {name: _Task() for name in names}
        self._clock = clock
        self._lock = threading.Lock()

    def start(self, name: str) -> None:
        """Mark a task as running."""
        with self._lock:
            task = self._tasks[name]
            task.state, task.started = "running", self._clock()
            self._show(name)

    def done(self, name: str, state: str = "done") -> None:
        """Mark a task as ended, for example `done`, `built` or `failed`."""
        with self._lock:
            task = self._tasks[name]
            seconds = self._clock() - task.started if task.started else 0.0
            task.state = state
            self._show(name, f" in {seconds:.0f} s" if seconds >= 1 else "")

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Run work as a task: running, then done or failed."""
        self.start(name)
        try:
            work()
        except BaseException:
            self.done(name, "failed")
            raise
        self.done(name)

    def _show(self, name: str, took: str = "") -> None:
        ended = sum(task.state not in {"waiting", "running"} for task in self._tasks.values())
        self._progress.line(f"{name} {self._tasks[name].state}{took}", f"{ended}/{len(self._tasks)}")
