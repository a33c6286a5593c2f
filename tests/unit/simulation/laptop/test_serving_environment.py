"""The serving runtime's environment: made once per set of locks, from the image's own files."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from images import python_packages
from simulation.laptop import serving_environment
from workloads.errors import WorkloadsError


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands of a uv that makes an interpreter of nothing; the cache is empty."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        if command[1] == "venv":
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin/python").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    monkeypatch.setattr(python_packages, "uv", lambda: Path("uv"))
    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_it_is_made_once_of_the_images_locks_with_their_hashes(commands: list[list[str]]) -> None:
    assert serving_environment.python().is_file()
    made, filled = commands
    assert made[1] == "venv"
    assert filled[1:3] == ["pip", "sync"]
    assert "--require-hashes" in filled
    base = serving_environment.IMAGE
    assert filled[-2:] == [
        str(base / "requirements.txt"),
        str(base.with_name("serving-runtime-boosting") / "requirements.txt"),
    ]
    assert serving_environment.python() == serving_environment.folder() / "bin/python"
    assert len(commands) == 2


def test_one_whose_interpreter_is_gone_is_made_again(commands: list[list[str]]) -> None:
    found = serving_environment.python()
    found.unlink()
    assert serving_environment.python().is_file()
    assert len(commands) == 4


def test_another_lock_has_another_folder(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = serving_environment.python()
    lock = tmp_path / "requirements.txt"
    lock.write_text("numpy==1.0\n")
    monkeypatch.setattr(serving_environment, "_LOCKS", (lock,))
    assert serving_environment.python() != before
    assert before.is_file()


def test_packages_that_cannot_be_had_leave_nothing_and_are_one_line(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 2, "", "error: failed\n  no route to host\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(
        WorkloadsError, match=r"^serving runtime: .*\(error: failed no route to host\)"
    ) as error:
        serving_environment.python()
    assert "\n" not in str(error.value)
    assert not serving_environment.folder().exists()


def test_variables_are_those_of_the_image() -> None:
    found = serving_environment.variables()
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert all(re.fullmatch(r"[A-Z_]+", name) and value for name, value in found.items())
