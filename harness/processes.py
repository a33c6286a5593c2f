"""Processes of a native instance as the machine sees them: ancestry, CPU time, command lines."""

import os
import subprocess
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workloads.wait import wait_for

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Stat:
    """Fields of /proc/<pid>/stat."""

    parent: int
    cpu_seconds: float


def parse_stat(text: str) -> Stat:
    """Parse a stat line, whose program name in parentheses may itself contain parentheses and spaces."""
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(parent=int(fields[1]), cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND)


def cpu_seconds(pid: int) -> float:
    """Return the user and system CPU time of a process; 0 if it is gone."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text()).cpu_seconds
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def descendants(ancestor: int) -> list[int]:
    """Return a process and all of its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children[parse_stat((entry / "stat").read_text()).parent].append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [ancestor]
    for pid in found:
        found.extend(children[pid])
    return found


def command_line(pid: int) -> list[str]:
    """Return the arguments of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def running(pids: Iterable[int], program: str) -> list[int]:
    """Return those processes that run a program, or a script of that name."""
    return [pid for pid in pids if program in [Path(each).name for each in command_line(pid)[:2]]]


def root_of(pid: int) -> Path:
    """Return the root folder of a process, which in a container is that of its files."""
    return Path("/proc") / str(pid) / "root"


def in_network_of(pid: int, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a program in the network namespace of a process."""
    return ["nsenter", f"--target={pid}", "--net", *argv]


def environment(pid: int) -> dict[str, str]:
    """Return the environment with which a process was started."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


@contextmanager
def started(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Generator[subprocess.Popen[bytes]]:
    """Run a program with a pipe as its input until its command line can be read; kill it afterwards.

    The kernel reports a process as started shortly before its command line and environment can be read.
    """
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=env) as process:
        try:
            wait_for(
                f"{argv[0]} to have a command line",
                lambda: None if command_line(process.pid) else "no command line yet",
                timeout_seconds=15,
                interval_seconds=0.01,
            )
            yield process
        finally:
            process.kill()


@contextmanager
def pinned(pid: int, cpu: int) -> Generator[None]:
    """Pin all threads of a process to one CPU."""
    threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    before = os.sched_getaffinity(pid)
    for thread in threads:
        os.sched_setaffinity(thread, {cpu})
    try:
        yield
    finally:
        for entry in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(entry.name), before)
