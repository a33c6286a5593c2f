"""One command of a night."""

import os
import signal
import threading
from pathlib import Path

from harness.night import execution
from harness.night.execution import Execution, Stop
from harness.night.phases import Command
from tests.fixtures.small_night import shell


def run(command: Command, folder: Path, stop: Stop | None = None) -> tuple[Execution, list[str]]:
    seen: list[str] = []
    done = execution.run(
        command,
        log=folder / "log",
        environment=os.environ,
        stop=stop or Stop(),
        show=seen.append,
        tick=lambda: None,
    )
    return done, seen


def test_lines_of_both_streams_are_shown_and_logged_and_the_last_needs_no_newline(
    tmp_path: Path,
) -> None:
    done, seen = run(shell("x", "echo one; echo two >&2; printf three; exit 7"), tmp_path)
    assert (done.code, seen, done.tail) == (7, ["one", "two", "three"], "one\ntwo\nthree")
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree"


def test_a_daemon_in_a_session_of_its_own_does_not_delay_the_end(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    done, _ = run(shell("x", f"setsid sh -c 'echo $$ > {marker}; exec sleep 60' & sleep 0.3"), tmp_path)
    daemon = int(marker.read_text())
    try:
        os.kill(daemon, 0)
        assert done.code == 0
        assert done.seconds < 20
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = shell("x", "trap '' TERM; echo ready; sleep 300", seconds=1)
    before, execution._GRACE_SECONDS = execution._GRACE_SECONDS, 0.5
    try:
        done, _ = run(stubborn, tmp_path)
    finally:
        execution._GRACE_SECONDS = before
    assert done.code is None
    assert done.seconds < 20


def test_a_signal_that_came_before_ends_the_command_at_once(tmp_path: Path) -> None:
    stop = Stop()
    stop.by = "SIGTERM"
    done, _ = run(shell("x", "sleep 300"), tmp_path, stop)
    assert done.code == -signal.SIGTERM


def test_a_signal_ends_the_command_and_its_name_is_kept(tmp_path: Path) -> None:
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop.install()
    killer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    try:
        killer.start()
        done, _ = run(shell("x", "exec sleep 300"), tmp_path, stop)
    finally:
        killer.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert stop.by == "SIGTERM"
    assert done.seconds < 20
