"""What the engine starts: found on PATH, linked or written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.engine import programs
from infra.errors import InfraError
from upstream.cache import UpstreamError

HOST = "pulumi-language-python"


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that are built, a module with the executor, and a PATH without a language host."""
    program = tmp_path / "built"
    program.write_text("#!/bin/sh\n")
    monkeypatch.setattr("upstream.build.binary", lambda _: program)
    monkeypatch.setattr("upstream.modules.module_dir", lambda *_: tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return program


def test_the_provider_is_where_pulumi_looks_for_the_sdks_version(tmp_path: Path, built: Path) -> None:
    programs.place_provider(tmp_path / "home")
    (plugin,) = (tmp_path / "home/plugins").glob("resource-kubernetes-v*/pulumi-resource-kubernetes")
    assert plugin.resolve() == built


def test_the_language_host_runs_this_interpreter(tmp_path: Path) -> None:
    for _ in range(2):
        programs.place_language_host(tmp_path / "bin")
        launcher = tmp_path / "bin" / HOST
        assert os.access(launcher, os.X_OK)
        assert sys.executable in launcher.read_text()


def test_a_users_own_language_host_takes_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.place_language_host(tmp_path / "bin")
    own = tmp_path / "own"
    own.mkdir()
    (own / HOST).write_text("#!/bin/sh\n")
    (own / HOST).chmod(0o755)
    monkeypatch.setenv("PATH", str(own))
    programs.place_language_host(tmp_path / "bin")
    assert not (tmp_path / "bin" / HOST).exists()


def test_with_our_folder_on_path_our_language_host_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.place_language_host(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    programs.place_language_host(tmp_path / "bin")
    assert (tmp_path / "bin" / HOST).is_file()


def test_a_users_path_gets_all_three(tmp_path: Path) -> None:
    programs.place_all(tmp_path / "bin")
    names = subprocess.run(["ls", str(tmp_path / "bin")], capture_output=True, text=True, check=True).stdout
    assert names.split() == ["pulumi", HOST, "pulumi-resource-kubernetes"]


def test_pulumi_finds_the_language_host_in_the_folder_of_its_own_file(tmp_path: Path, built: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pulumi").symlink_to(built)
    for _ in range(2):
        placed = programs.place_pulumi(tmp_path / "bin")
        assert placed.resolve().parent == tmp_path / "bin"
        assert placed.samefile(built)


def test_a_program_that_is_not_built_is_an_error_that_names_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(program: str) -> Path:
        raise UpstreamError(f"{program} is not built: run `python -m upstream build x`")

    monkeypatch.setattr("upstream.build.binary", missing)
    with pytest.raises(InfraError, match=r"^pulumi is not built: run "):
        programs.place_pulumi(tmp_path)
