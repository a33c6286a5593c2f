"""A rehearsal as a whole, with commands that only write down what they see."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.night.execution import Stop
from harness.night.phases import Command
from harness.rehearsal import run
from harness.rehearsal.run import Work
from harness.rehearsal.steps import Step, Target
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.settings import stack_file

_RECORD = (
    "import json, os, pathlib, sys; import yaml;"
    "stacks = pathlib.Path(os.environ['PLINTH_STACKS']);"
    "days = yaml.safe_load((stacks / 'Pulumi.dev.yaml').read_text())['config']['plinth:cluster']['logDays'];"
    "open(sys.argv[1], 'a').write(json.dumps([sys.argv[2], days]) + chr(10));"
    "print('error: wanted') if sys.argv[3] == '1' else None;"
    "sys.exit(int(sys.argv[3]))"
)


def step(file: Path, name: str, code: int = 0, **fields: Any) -> Step:
    argv = (sys.executable, "-c", _RECORD, str(file), name, str(code))
    return Step(
        name=name,
        shows=name,
        commands=(Command(name=name, argv=argv, timeout_seconds=60),),
        **fields,
    )


def rehearse(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *steps: Step
) -> tuple[list[str], list[list[Any]]]:
    """Run steps; return their results, and what their commands saw."""
    monkeypatch.setattr(Target, "steps", lambda _: steps)
    target = Target(stack="dev", settings=stack_file.settings("dev"))
    outcomes = run.rehearse(target, Work(folder=folder), Stop())
    seen = folder / "seen"
    lines = seen.read_text().splitlines() if seen.exists() else []
    return [each.result for each in outcomes], [json.loads(line) for line in lines]


def test_changes_of_settings_stay_and_do_not_touch_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    before = stack_file.path("dev").read_bytes()
    results, lines = rehearse(
        monkeypatch,
        tmp_path,
        step(seen, "up"),
        step(seen, "change", changes=(("cluster.logDays", 3),)),
        step(seen, "destroy"),
    )
    assert results == ["pass", "pass", "pass"]
    assert lines == [["up", 7], ["change", 3], ["destroy", 3]]
    assert stack_file.path("dev").read_bytes() == before


def test_after_a_failure_only_what_removes_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    results, lines = rehearse(
        monkeypatch,
        tmp_path,
        step(seen, "up", code=1),
        Step(name="hidden", shows="", not_shown="why"),
        step(seen, "change"),
        step(seen, "destroy", always=True),
    )
    assert results == ["FAIL", "not shown", "not run", "pass"]
    assert [name for name, _ in lines] == ["up", "destroy"]


def test_before_anything_exists_nothing_is_destroyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    results, _ = rehearse(
        monkeypatch, tmp_path, step(seen, "preflight", code=1), step(seen, "destroy", always=True)
    )
    assert results == ["FAIL", "not run"]


def test_a_stack_that_exists_is_not_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "exists", lambda _: True)
    with pytest.raises(InfraError, match="stack prod exists, and a rehearsal ends by destroying it"):
        run.refuse_existing("prod")


def test_a_stack_without_aws_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main("local", None) == 1
    assert "--stack local: its cluster is of kind kubeconfig" in capsys.readouterr().err


def test_the_estimate_of_an_hour_is_that_of_a_month() -> None:
    low, high = run.hourly("dev")
    assert 0 < low < high
    assert 500 < low * 730 < 600
