"""When what happened in a journey: marks with the seconds since its beginning."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mark:
    """One moment of a journey."""

    seconds: float
    what: str


class Timeline:
    """Marks in the order in which they were made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now."""
        self._clock = clock
        self._began = clock()
        self.marks: list[Mark] = []

    def mark(self, what: str) -> float:
        """Note that something happened; return the seconds since the mark before it."""
        seconds = round(self._clock() - self._began, 3)
        before = self.marks[-1].seconds if self.marks else 0.0
        self.marks.append(Mark(seconds, what))
        return round(seconds - before, 3)

    def write(self, file: Path) -> None:
        """Write the marks as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([asdict(mark) for mark in self.marks], indent=2) + "\n")

    def text(self) -> str:
        """Return the marks, one a line."""
        return "\n".join(f"{mark.seconds:8.1f} s  {mark.what}" for mark in self.marks)
