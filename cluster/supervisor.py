"""Starts processes, restarts those that exit, and reports their state: the loop of an instance's init."""

import json
import os
import shutil
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster.processes import PATH, Process
from upstream.cache import write_atomically

_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 15.0
# A process that ran this long restarts at once, however often it failed before.
_STABLE_SECONDS = 60.0
_STOP_SECONDS = 5.0
_LOG_LIMIT_BYTES = 64 * 1024**2
_LOG_CHECK_SECONDS = 60.0
_NEED_CHECK_SECONDS = 0.05


def restart_delay(failures: int) -> float:
    """Return the delay before the next start after so many failures: it doubles, up to a limit."""
    return min(_FIRST_DELAY_SECONDS * 2 ** max(failures - 1, 0), _LONGEST_DELAY_SECONDS) if failures else 0.0


def accepts(address: str) -> bool:
    """Return whether a socket accepts connections: `host:port`, or the path of a unix socket."""
    if address.startswith("/"):
        family, target = socket.AF_UNIX, address
    else:
        host, port = address.rsplit(":", 1)
        family, target = socket.AF_INET, (host, int(port))
    with socket.socket(family) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(target) == 0


def describe_exit(status: int) -> str:
    """Return how a process ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


@dataclass
class _Slot:
    process: Process
    pid: int = 0
    started: float = 0.0
    due: float = 0.0
    failures: int = 0
    restarts: int = 0
    last_exit: str = ""

    def state(self) -> str:
        if self.pid:
            return "running"
        return "restarting" if self.last_exit else "waiting"


@dataclass
class Supervisor:
    """Runs an instance's processes until SIGTERM or SIGINT."""

    processes: tuple[Process, ...]
    logs: Path
    status: Path
    facts: dict[str, str | float] = field(default_factory=dict[str, "str | float"])
    """Written into every report."""
    host_network: str = ""
    """Path of the machine's network namespace, for processes that run there."""

    def __post_init__(self) -> None:
        """Create one slot per process."""
        self._slots = [_Slot(process) for process in self.processes]
        self._reported = ""
        self._logs_checked = time.monotonic()

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT, then stop everything."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self.logs.mkdir(parents=True, exist_ok=True)
        stopping = False
        while not stopping:
            self._start_due()
            self._report()
            received = signal.sigtimedwait(_SIGNALS, self._pause())
            stopping = received is not None and received.si_signo != signal.SIGCHLD
            self._reap()
            self._trim_logs()
        self._stop()

    def _pause(self) -> float:
        now = time.monotonic()
        waiting = [slot for slot in self._slots if not slot.pid]
        pauses = [max(slot.due - now, _NEED_CHECK_SECONDS) for slot in waiting]
        return min([*pauses, _LOG_CHECK_SECONDS])

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if not slot.pid and slot.due <= now and all(accepts(need) for need in slot.process.needs):
                slot.pid = self._spawn(slot.process)
                slot.started = time.monotonic()

    def _spawn(self, process: Process) -> int:
        argv = process.argv
        if process.host_network:
            argv = ("/usr/bin/nsenter", f"--net={self.host_network}", *argv)
        log = str(self.logs / f"{process.name}.log")
        # posix_spawn, not subprocess: it can give the child an empty signal mask without Python code
        # between fork and exec.
        return os.posix_spawn(
            argv[0],
            argv,
            {"PATH": PATH, "HOME": "/root", **process.environment},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsigmask=[],
            setsigdef=[signal.SIGPIPE],
        )

    def _reap(self) -> None:
        """Reap every child that ended; as init this includes orphans of container shims."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for slot in self._slots:
                if slot.pid == pid:
                    self._note_exit(slot, status)

    def _note_exit(self, slot: _Slot, status: int) -> None:
        now = time.monotonic()
        slot.failures = 1 if now - slot.started > _STABLE_SECONDS else slot.failures + 1
        slot.pid = 0
        slot.restarts += 1
        slot.last_exit = f"{describe_exit(status)} at {time.strftime('%H:%M:%S')}"
        slot.due = now + restart_delay(slot.failures)

    def _report(self) -> None:
        table = {
            **self.facts,
            "processes": {
                slot.process.name: {
                    "state": slot.state(),
                    "pid": slot.pid,
                    "restarts": slot.restarts,
                    "last_exit": slot.last_exit,
                }
                for slot in self._slots
            },
        }
        text = json.dumps(table, indent=1)
        if text != self._reported:
            write_atomically(self.status, text)
            self._reported = text

    def _trim_logs(self) -> None:
        """Keep one older generation of a log that grew past the limit."""
        now = time.monotonic()
        if now - self._logs_checked < _LOG_CHECK_SECONDS:
            return
        self._logs_checked = now
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT_BYTES:
                # The writer keeps its descriptor (opened to append), so copy and cut instead of renaming.
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def _stop(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        for slot in reversed(self._slots):
            if slot.pid:
                os.kill(slot.pid, signal.SIGTERM)
        while any(slot.pid for slot in self._slots) and (left := deadline - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)
            self._reap()
