"""Progress of long work: one line per change, with how many of how many are done and the seconds so far."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class _Task:
    name: str
    state: str = "waiting"
    started: float = 0.0
    seconds: float = 0.0


@dataclass
class Progress:
    """A list of named tasks with states; safe to use from several threads."""

    title: str
    names: list[str]
    tasks: dict[str, _Task] = field(init=False)

    def __post_init__(self) -> None:
        self.tasks = {name: _Task(name) for name in self.names}
        self._lock = threading.Lock()
        self._begun = time.monotonic()

    def start(self, name: str) -> None:
        """Mark a task as running."""
        with self._lock:
            task = self.tasks[name]
            task.state, task.started = "running", time.monotonic()
            self._show(task)

    def done(self, name: str, state: str = "done") -> None:
        """Mark a task as finished, for example `done`, `cached` or `failed`."""
        with self._lock:
            task = self.tasks[name]
            task.seconds = time.monotonic() - task.started if task.started else 0.0
            task.state = state
            self._show(task)

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Run work as a task: running, then done or failed."""
        self.start(name)
        try:
            work()
        except BaseException:
            self.done(name, "failed")
            raise
        self.done(name)

    def _show(self, task: _Task) -> None:
        finished = sum(other.state not in {"waiting", "running"} for other in self.tasks.values())
        took = f" in {task.seconds:.0f} s" if task.seconds >= 1 else ""
        elapsed = time.monotonic() - self._begun
        head = f"[{self.title} {finished}/{len(self.tasks)}, {elapsed:.0f} s]"
        sys.stdout.write(f"{head} {task.name} {task.state}{took}\n")
        sys.stdout.flush()
