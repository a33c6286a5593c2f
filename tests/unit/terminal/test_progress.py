"""Progress: lines for a log, and a last line for a terminal."""

import io
import re

import pytest

from terminal.progress import Progress, TaskProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_lines_only() -> None:
    stream = io.StringIO()
    progress = Progress("verify", stream, clock=lambda: 3.0)
    progress.status("training")
    progress.line("pass: a row", "1/5")
    progress.plain("as it is")
    progress.clear()
    assert stream.getvalue() == "[verify 1/5, 0 s] pass: a row\nas it is\n"


def test_a_terminal_also_gets_a_last_line_that_fits_and_goes_away() -> None:
    stream = Terminal()
    progress = Progress("verify", stream, clock=lambda: 3.0)
    progress.status("x" * 200)
    progress.line("kept")
    progress.status("training")
    progress.clear()
    shown = stream.getvalue().split("\r\x1b[K")
    assert shown == ["", f"verify: {'x' * 71}", "[verify, 0 s] kept\n", "verify: training, 0 s", ""]
    assert len(shown[1]) == 79


def test_without_a_title_the_last_line_is_the_text_alone() -> None:
    stream = Terminal()
    progress = Progress(stream=stream, columns=12, clock=lambda: 3.0)
    progress.status("12 resources done")
    progress.line("kept")
    assert stream.getvalue() == "\r\x1b[K12 resources\r\x1b[K[0 s] kept\n"


def test_the_seconds_count_from_the_start() -> None:
    clock = iter([10.0, 12.5, 75.0])
    stream = io.StringIO()
    progress = Progress("up", stream, clock=lambda: next(clock))
    assert progress.seconds == 2.5
    progress.line("ready")
    assert stream.getvalue() == "[up, 65 s] ready\n"


def test_every_change_of_a_task_is_one_line_with_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    shown = TaskProgress("build", ["etcd", "kubelet"])
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
        TaskProgress("build", ["etcd"]).run("etcd", fail)
    assert capsys.readouterr().out.splitlines()[-1].endswith("etcd failed")


def test_a_long_task_ends_with_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 10.0, 10.0, 75.0, 75.0])
    TaskProgress("build", ["etcd"], lambda: next(clock)).run("etcd", lambda: None)
    assert capsys.readouterr().out.splitlines()[-1] == "[build 1/1, 75 s] etcd done in 65 s"
