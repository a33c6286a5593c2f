"""What a pipeline run shows while it goes on: a line per step that ended; on a terminal who is at work."""

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from workloads.pipeline_runs import Step

_CLEAR = "\r\x1b[K"
_COLUMNS = 79
# Of Argo: the steps whose outcome is known.
_ENDED = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})


def line(step: Step) -> str:
    """Return one step as a line."""
    return f"  {step.name:14} {step.phase:10} {step.seconds:6.1f} s{'  cached' if step.cached else ''}"


class StepProgress:
    """Shows each step once, when it has ended."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now."""
        self._stream = stream
        self._live = stream.isatty()
        self._clock = clock
        self._began = clock()
        self._shown: set[str] = set()

    def show(self, steps: Sequence[Step]) -> None:
        """Tell of the steps that ended since the last time; on a terminal also of those that did not."""
        for step in steps:
            if step.phase in _ENDED and step.name not in self._shown:
                self._shown.add(step.name)
                self._write(f"{line(step)}\n")
        busy = [step.name for step in steps if step.phase not in _ENDED]
        if self._live:
            told = f"  {', '.join(busy) or 'between steps'}, {self._clock() - self._began:.0f} s"
            self._write(told[:_COLUMNS])

    def end(self, steps: Sequence[Step]) -> None:
        """Tell of the steps that were not told of, and leave the terminal's line free."""
        self.show(steps)
        self._write("")

    def _write(self, words: str) -> None:
        self._stream.write(f"{_CLEAR if self._live else ''}{words}")
        self._stream.flush()
