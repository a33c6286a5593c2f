"""A simulated account that outlives a command: its folder, and what must be left of it."""

import sys
from pathlib import Path

import pytest

from infra.errors import InfraError
from simulation.aws import stand_in
from simulation.aws.provider import Account


def test_the_held_command_gets_the_folder_of_an_account(tmp_path: Path) -> None:
    code = "import pathlib, sys; sys.exit(0 if any(pathlib.Path(sys.argv[1]).iterdir()) else 5)"
    assert stand_in.hold([sys.executable, "-c", code, "{folder}"], tmp_path) == 0
    assert not list(tmp_path.iterdir())


def test_its_exit_code_is_the_commands(tmp_path: Path) -> None:
    assert stand_in.hold([sys.executable, "-c", "raise SystemExit(4)"], tmp_path) == 4


def test_an_account_that_is_not_left_empty_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = Account()
    full.claim("aws:s3/bucket:Bucket", "mine", "urn")
    monkeypatch.setattr(stand_in, "Account", lambda: full)
    assert stand_in.hold([sys.executable, "-c", ""], tmp_path) == 1
    assert capsys.readouterr().out == "the simulated account still has 1 resources: Bucket mine\n"


def test_a_command_without_an_account_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match=r"run the command under `python -m simulation.aws hold`"):
        stand_in.run("up", "dev", tmp_path)
