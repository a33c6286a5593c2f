"""Progress of a pipeline run: one line per finished step; on a terminal, also the running steps."""

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from terminal.progress import Progress
from workloads.pipeline_runs import Step

# Phases of Argo in which a step's outcome is known.
_ENDED = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})


def line(step: Step) -> str:
    """Return one step as a line."""
    return f"  {step.name:14} {step.phase:10} {step.seconds:6.1f} s{'  cached' if step.cached else ''}"


class StepProgress:
    """Shows each step once, when it has ended."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock."""
        self._progress = Progress(stream=stream, clock=clock)
        self._shown: set[str] = set()
        self._told: set[str] = set()

    def show(self, steps: Sequence[Step]) -> None:
        """Show what ended since the last call and what keeps steps from starting; on a terminal, all."""
        for step in steps:
            if step.phase in _ENDED and step.name not in self._shown:
                self._shown.add(step.name)
                self._progress.plain(line(step))
            elif step.waits and step.waits not in self._told:
                self._told.add(step.waits)
                self._progress.plain(f"  {step.name:14} waits: {step.waits}")
        running = [step.name for step in steps if step.phase not in _ENDED]
        if self._progress.live:
            self._progress.status(
                f"  {', '.join(running) or 'between steps'}, {self._progress.seconds:.0f} s"
            )

    def end(self, steps: Sequence[Step]) -> None:
        """Show the remaining steps and clear the terminal's last line."""
        self.show(steps)
        self._progress.clear()
