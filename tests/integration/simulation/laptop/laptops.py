"""Local runs of the reference pipeline, for the journeys without a cluster."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workloads.wait import wait_for

REPOSITORY = Path(__file__).parents[4]
_COMMAND = [sys.executable, "-m", "workloads", "run", "train_register_serve", "--local"]
# An empty cache of Python packages is filled first.
_SECONDS = 600


@dataclass
class Laptop:
    """A local run, and all that it printed so far."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    """Its temporary files."""
    log: Path

    @classmethod
    def start(cls, folder: Path, *arguments: str) -> Self:
        temporary = folder / "temporary"
        temporary.mkdir()
        log = folder / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*_COMMAND, *arguments],
                cwd=REPOSITORY,
                env={**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
                stdout=sink,
                stderr=subprocess.STDOUT,
                # A shell that runs the tests in the background lets its children ignore interrupts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        return cls(process, temporary, log)

    @property
    def endpoints(self) -> Path:
        """File that tells other commands where it is."""
        (file,) = self.folder.glob("*/endpoints.json")
        return file

    @property
    def shown(self) -> str:
        return self.log.read_text()

    def wait_until_shown(self, text: str) -> None:
        def probe() -> str | None:
            shown = self.shown
            assert text in shown or self.process.poll() is None, shown
            return None if text in shown else shown[-500:]

        wait_for(f"{text!r}", probe, timeout_seconds=_SECONDS, interval_seconds=0.1)

    def interrupt(self) -> int:
        """Interrupt it as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    def members(self) -> list[str]:
        """Return the command of every process that was started with its folder for temporary files."""
        mine = f"TMPDIR={self.folder}".encode()
        found: list[str] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    if mine in (entry / "environ").read_bytes():
                        found.append((entry / "cmdline").read_text().replace("\0", " "))
                except OSError:
                    continue
        return found
