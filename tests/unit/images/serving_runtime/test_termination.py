"""Why a predictor ends is one line, for Kubernetes and at the end of the log."""

import importlib
from pathlib import Path

import pytest
from predictor import termination


def _missing() -> Exception:
    try:
        importlib.import_module("a_package_that_nobody_has")
    except ImportError as inner:
        try:
            raise RuntimeError("Failed to load the model\nsecond line") from inner
        except RuntimeError as outer:
            return outer
    raise AssertionError("there is such a package")


def test_a_missing_package_is_named_to_kubernetes_and_in_the_last_line_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = tmp_path / "termination-log"
    message.touch()
    with pytest.raises(SystemExit) as ended:
        termination.end("cannot load the model wine", _missing(), message)
    assert ended.value.code == 1
    line = message.read_text()
    assert line.startswith("cannot load the model wine: ModuleNotFoundError: No module named 'a_package_")
    assert "has no a_package_that_nobody_has: choose one" in line
    assert "\n" not in line
    assert capsys.readouterr().err.splitlines()[-1] == line


def test_without_that_file_the_log_has_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        termination.end("cannot load", ValueError("two\nlines"), tmp_path / "none")
    assert capsys.readouterr().err.splitlines()[-1] == "cannot load: ValueError: two lines"
    assert not (tmp_path / "none").exists()
