"""Times the phases of a load gate and shows which one is running."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from terminal.progress import Progress


class PhaseTimer:
    """Seconds by phase, in order."""

    def __init__(self, progress: Progress) -> None:
        """Start without phases."""
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, description: str, *, shows_itself: bool = False) -> Generator[None]:
        """Time a phase; on a terminal, show that it is running unless it shows progress itself."""
        self.progress.line(description)
        began = time.monotonic()
        over = threading.Event()

        def tick() -> None:
            while not over.wait(1.0):
                self.progress.status(name)

        ticking = threading.Thread(target=tick, daemon=True)
        if self.progress.live and not shows_itself:
            ticking.start()
        try:
            yield
        finally:
            over.set()
            if ticking.is_alive():
                ticking.join(timeout=2)
            self.progress.clear()
            self.seconds[name] = round(time.monotonic() - began, 1)
