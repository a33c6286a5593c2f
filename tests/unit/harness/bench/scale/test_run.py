"""The command: stages by name, a report that grows, and a bound that is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import __main__ as command
from harness.bench.scale import run
from harness.bench.scale.growth import Point, Stage
from tests.fixtures.platforms import ENDPOINTS
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError


def stage(mib: float | None = None) -> Stage:
    return Stage(what="things", points=[Point(count=1, seconds=1.0, reads={})], bounded_mib=mib)


@pytest.fixture(autouse=True)
def _platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(run, "Bench", lambda *_: None)
    monkeypatch.setattr(Endpoints, "of_stack", lambda _: ENDPOINTS)


def use(monkeypatch: pytest.MonkeyPatch, **stages: Any) -> None:
    monkeypatch.setattr(run, "STAGES", stages)


def report(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "reports" / "bench-scale.json").read_text())


def test_stages_of_several_calls_are_in_one_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, models=lambda _: stage(), predictors=lambda _: stage(300))
    assert run.main("local", ["models"]) == 0
    assert run.main("local", ["predictors"]) == 0
    assert list(report(tmp_path)) == ["models", "predictors"]


def test_served_models_that_take_too_much_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, predictors=lambda _: stage(1537))
    assert run.main("local", []) == 1
    assert "1537 MiB, at most 1536" in capsys.readouterr().err


def test_what_was_measured_before_a_failure_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> Stage:
        raise WorkloadsError("model wine: is not registered")

    use(monkeypatch, models=lambda _: stage(), predictors=fail)
    assert run.main("local", []) == 1
    assert list(report(tmp_path)) == ["models"]
    assert "error: model wine: is not registered" in capsys.readouterr().err


def test_the_command_line_knows_every_stage() -> None:
    assert tuple(run.STAGES) == command._SCALE  # pyright: ignore[reportPrivateUsage]
