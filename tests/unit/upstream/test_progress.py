"""Long work says what runs, how much is done and how long it took."""

import re

import pytest

from upstream import progress
from upstream.progress import Progress


def test_every_change_is_one_line_with_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress("build", ["etcd", "kubelet"])
    shown.done("etcd", "cached")
    shown.run("kubelet", lambda: None)
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r", \d+ s", "", line) for line in lines] == [
        "[build 1/2] etcd cached",
        "[build 1/2] kubelet running",
        "[build 2/2] kubelet done",
    ]


def test_a_task_that_fails_is_shown_and_its_error_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Progress("build", ["etcd"]).run("etcd", fail)
    assert capsys.readouterr().out.splitlines()[-1].endswith("etcd failed")


def test_long_tasks_say_how_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 10.0, 75.0, 75.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    Progress("build", ["etcd"]).run("etcd", lambda: None)
    assert capsys.readouterr().out.splitlines()[-1] == "[build 1/1, 75 s] etcd done in 65 s"
