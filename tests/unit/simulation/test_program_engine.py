"""An engine that runs another program in place of the platform."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.engine.engine import Engine
from simulation.program_engine import ProgramEngine


@pytest.fixture(autouse=True)
def _prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the project as the engine does, without the binaries that it needs otherwise."""
    monkeypatch.setattr(Engine, "prepare", lambda self: self._place_project())


def project(engine: ProgramEngine) -> dict[str, Any]:
    engine.prepare()
    return yaml.safe_load((engine.project / "Pulumi.yaml").read_text())


def test_another_program_takes_the_place_of_the_repositorys(tmp_path: Path) -> None:
    program = tmp_path / "program"
    plain = project(ProgramEngine(stack="local", folder=tmp_path / "plain"))
    changed = project(ProgramEngine(stack="local", folder=tmp_path / "changed", program=program))
    assert changed["main"] == str(program)
    assert changed | {"main": plain["main"]} == plain


def test_without_a_program_the_repositorys_runs(tmp_path: Path) -> None:
    main = project(ProgramEngine(stack="local", folder=tmp_path))["main"]
    assert (Path(main) / "assembly.py").is_file()


def test_preparing_again_keeps_the_program(tmp_path: Path) -> None:
    engine = ProgramEngine(stack="local", folder=tmp_path, program=tmp_path / "program")
    assert project(engine) == project(engine)
