"""Runs the programs of the simulated tier: starts them in order, watches them, and ends them together."""

import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from cluster.processes import PATH

_LAST_LINES = 15
_END_SECONDS = 10


class ProgramEndedError(Exception):
    """A program of the tier ended by itself; the text holds the end of its log."""


class Programs:
    """Running programs by name, each with its own log."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Programs":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in reversed(self._running.values()):
            program.terminate()
        for program in self._running.values():
            try:
                program.wait(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program; its output goes to its log."""
        with (self.logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                argv,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": PATH, "HOME": str(self.logs), **(environment or {})},
            )

    @contextmanager
    def suspended(self, name: str) -> Generator[None]:
        """Suspend a program until the context ends, so that it answers nothing."""
        program = self._running[name]
        program.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            program.send_signal(signal.SIGCONT)

    def check(self) -> None:
        """Raise if a program has ended: waiting for anything is pointless then.

        Raises:
            ProgramEndedError: it has.
        """
        for name, program in self._running.items():
            if program.poll() is not None:
                raise ProgramEndedError(f"{name} ended with {program.returncode}:\n{self.log_end(name)}")

    def log_end(self, name: str) -> str:
        """Return the end of a program's log."""
        lines = self.log(name).splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def log(self, name: str) -> str:
        """Return a program's whole log."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def names(self) -> list[str]:
        """Return the names of all programs."""
        return list(self._running)

    def resident_mib(self, name: str) -> float:
        """Return the resident memory of a program."""
        kib = Path(f"/proc/{self._running[name].pid}/status").read_text().partition("VmRSS:")[2].split()[0]
        return round(int(kib) / 1024, 1)
