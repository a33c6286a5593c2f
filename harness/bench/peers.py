"""Servers that a benchmark runs in addition, inside a container of the platform: its files and its network.

They run outside the container's resource limits.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from cluster.wait import wait_for
from harness import processes
from harness.bench.closed_loop import LoadError

_START_SECONDS = 60


def _inside(pid: int, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a program in the container of a process."""
    # By its path: the server gets the environment of the container, whose PATH is another.
    enter = shutil.which("nsenter") or "nsenter"
    return [enter, f"--target={pid}", "--mount", "--net", "--root", "--wd", *argv]


@contextmanager
def running(
    pid: int, argv: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Generator[int]:
    """Run a server in the container of a process until the block ends.

    Args:
        pid: The process; the server gets its environment.
        argv: The server's command.
        port: Port on which it will listen.
        environment: Set in addition.

    Yields:
        Process id of the server, once it listens.

    Raises:
        LoadError: it ended; with the end of its output.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _inside(pid, argv),
            env={**processes.environment(pid), **(environment or {})},
            stdout=log,
            stderr=log,
        )
        probe = processes.in_network_of(pid, ["ss", "-Hltn", f"sport = :{port}"])

        def listening() -> str | None:
            if process.poll() is not None:
                log.seek(0)
                raise LoadError(f"{argv[0]} ended: {log.read().decode(errors='replace')[-500:]}")
            sockets = subprocess.run(probe, capture_output=True, check=True)
            return None if sockets.stdout else "not listening yet"

        try:
            wait_for(f"port {port}", listening, timeout_seconds=_START_SECONDS)
            yield process.pid
        finally:
            process.kill()
            process.wait()


def run(pid: int, argv: Sequence[str]) -> str:
    """Run a program in the container of a process to its end, and return what it prints.

    Raises:
        LoadError: it failed.
    """
    done = subprocess.run(
        _inside(pid, argv),
        env=processes.environment(pid),
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LoadError(f"{argv[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
