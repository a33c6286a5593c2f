"""An error that nothing caught: one line, an exit code, and a traceback only on request."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import repository

PROGRAM = "from terminal import failures; failures.in_one_line(); raise {}"
COMMANDS = ("cluster", "harness", "images", "infra", "loadtests", "simulation.aws", "upstream", "workloads")


def failing(error: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(error)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_is_one_line_with_its_kind() -> None:
    done = failing("ValueError('first\\nsecond')")
    assert done.returncode == 1
    assert done.stderr == "error: ValueError: first second (PLINTH_TRACEBACK=1 shows where)\n"


def test_a_long_message_is_cut() -> None:
    assert len(failing("ValueError('x' * 10_000)").stderr) < 600


def test_an_interrupt_is_no_fault() -> None:
    assert failing("KeyboardInterrupt").stderr == "error: interrupted\n"


def test_the_traceback_is_shown_on_request() -> None:
    assert "Traceback (most recent call last)" in failing("ValueError('x')", PLINTH_TRACEBACK="1").stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_so(command: str) -> None:
    text = repository.text(Path(command.replace(".", "/"), "__main__.py"))
    assert re.search(r"^    failures\.in_one_line\(\)$", text, re.MULTILINE), command
