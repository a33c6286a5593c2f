"""A group of processes is dead when its context ends, and when the program that holds it is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.laptop.process_group import ProcessGroup
from workloads.wait import wait_for

# A child with a child of its own, both of which would sleep longer than any test.
_FAMILY = ["sh", "-c", "sleep 600 & echo $! > $0; sleep 600"]
_HOLDER = """
import sys
from simulation.laptop.process_group import ProcessGroup
with ProcessGroup() as group:
    group.start(["sh", "-c", "sleep 600 & echo $! > $0; sleep 600", sys.argv[1]]).wait()
"""


def _grandchild(file: Path) -> int:
    wait_for(
        "a grandchild",
        lambda: None if file.exists() and file.read_text().strip() else "none",
        timeout_seconds=30,
        interval_seconds=0.05,
    )
    return int(file.read_text())


def _wait_until_dead(pid: int) -> None:
    def probe() -> str | None:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if state in "ZX" else f"state {state}"

    wait_for(f"process {pid} to end", probe, timeout_seconds=10, interval_seconds=0.05)


def test_children_of_children_are_dead_after_an_error(tmp_path: Path) -> None:
    file = tmp_path / "pid"

    def fail() -> None:
        with ProcessGroup() as group:
            group.start([*_FAMILY, str(file)])
            os.kill(_grandchild(file), 0)
            raise ValueError("of the caller")

    with pytest.raises(ValueError, match="of the caller"):
        fail()
    _wait_until_dead(_grandchild(file))


def test_they_are_dead_also_after_their_holder_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(file)]) as holder:
        pid = _grandchild(file)
        os.kill(pid, 0)
        holder.kill()
    _wait_until_dead(pid)


def test_output_goes_to_the_log_and_the_environment_is_the_given_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ProcessGroup() as group:
        assert group.start(["/bin/sh", "-c", "echo $A; echo $HOME >&2"], {"A": "1"}, log).wait() == 0
    assert log.read_text() == "1\n\n"
