"""The benchmark's stages."""

import json
from pathlib import Path

import pytest

from cluster import prerequisites
from harness.bench import run
from harness.bench.run import BenchError
from tests.unit.harness.bench.test_report import REPORT


def test_a_command_is_timed() -> None:
    assert 0 < run.run_timed("this") < 60


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(
        BenchError, match=r"^`python -m cluster no-such-command` failed with exit 2; see above$"
    ):
        run.run_timed("cluster", "no-such-command")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that the benchmark runs, none of which does anything."""
    found: list[str] = []

    def record(*command: str) -> float:
        found.append(" ".join(command))
        return 1.0

    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    monkeypatch.setenv("PLINTH_INSTANCE", "other")
    monkeypatch.setattr(run, "run_timed", record)
    monkeypatch.setattr(prerequisites, "ensure", lambda *_: None)
    return found


def test_the_report_is_printed_and_written_and_the_instance_removed(
    commands: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "_measure", lambda _, report: report.update(REPORT))
    assert run.main() == 0
    assert json.loads((tmp_path / "reports" / "bench.json").read_text()) == REPORT
    assert "apply to Ready          9.5 s" in capsys.readouterr().out
    assert commands == ["cluster down"]


def test_a_stage_that_fails_is_one_line_and_the_instance_is_removed(
    commands: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise BenchError("`python -m infra up` failed with exit 1; see above")

    monkeypatch.setattr(run, "_measure", fail)
    assert run.main() == 1
    assert capsys.readouterr().err == "error: `python -m infra up` failed with exit 1; see above\n"
    assert not (tmp_path / "reports" / "bench.json").exists()
    assert commands == ["cluster down"]


def test_what_was_measured_before_a_stage_failed_is_kept(
    commands: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_: object, report: dict[str, object]) -> None:
        report["apply_to_ready_seconds"] = 9.5
        raise FileNotFoundError("nsenter")

    monkeypatch.setattr(run, "_measure", fail)
    with pytest.raises(FileNotFoundError):
        run.main()
    assert json.loads((tmp_path / "reports" / "bench.json").read_text()) == {"apply_to_ready_seconds": 9.5}
    assert commands == ["cluster down"]
