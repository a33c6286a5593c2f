"""What long work shows: plain lines, and on a terminal a last line that says what goes on just now."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from harness.evidence.scale import duration

_CLEAR = "\r\x1b[K"
_COLUMNS = 79


class Progress:
    """Lines with how much of how much is done; on a terminal also what is at work."""

    def __init__(
        self, title: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now; the stream is standard output unless another one is given."""
        self._title = title
        self._stream = stream or sys.stdout
        self._clock = clock
        self._began = clock()
        self.live = self._stream.isatty()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def line(self, words: str, count: str = "") -> None:
        """Write a line that stays."""
        head = f"[{self._title}{f' {count}' if count else ''}, {self.seconds:.0f} s]"
        self.plain(f"{head} {words}")

    def plain(self, words: str) -> None:
        """Write a line as it is."""
        self._stream.write(f"{_CLEAR if self.live else ''}{words}\n")
        self._stream.flush()

    def status(self, words: str) -> None:
        """Show what goes on; a file would only grow by it."""
        if self.live:
            told = f"{self._title}: {words}, {duration(self.seconds)}"
            self._stream.write(f"{_CLEAR}{told[:_COLUMNS]}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the last line away."""
        if self.live:
            self._stream.write(_CLEAR)
            self._stream.flush()
