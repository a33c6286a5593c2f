"""A night: phases in order, faults by class, and cleanup however it is stopped."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.evidence import history, night
from harness.evidence.night import Fault, Night, Phase, State
from harness.night.journal import close_unfinished, publish
from harness.night.phases import Plan
from harness.processes import environment
from tests.fixtures.small_night import RUN, StubCollector, night_of, shell
from workloads.wait import wait_for

REPOSITORY = Path(__file__).parents[4]
_BOUND_SECONDS = 40
# Environment variable with the folder of a small night; all of its processes inherit it.
_MARK = "SMALL_NIGHT"


@pytest.fixture(autouse=True)
def handlers_as_before() -> Generator[None]:
    """Restore the signal handlers of the test run, which a night replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def plans(**scripts: str) -> tuple[Plan, ...]:
    return tuple(
        Plan(
            name=name,
            commands=(shell(name, script),),
            needs="" if name in ("up", "down") else "up",
            always=name == "down",
        )
        for name, script in scripts.items()
    )


def test_a_night_without_a_failure_is_green_in_page_json_and_junit(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="echo hello", verify="true", down="true"))
    assert done.is_green
    assert done.exit_code == 0
    folder = tmp_path / RUN
    assert "Everything passed." in (folder / "index.html").read_text()
    assert night.read(folder / "evidence.json") == done
    assert 'failures="0"' in (folder / "junit.xml").read_text()
    assert (folder / "up.log").read_text() == "hello\n"
    assert (tmp_path / "latest").resolve() == folder.resolve()
    assert [each.outcome for each in history.read(tmp_path / "history.jsonl")] == ["green"]


def test_phases_that_need_a_failed_one_are_skipped_and_removal_still_runs(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="echo 'error: no room'; exit 1", verify="true", down="true"))
    assert [phase.state for phase in done.phases] == [State.FAILED, State.SKIPPED, State.PASSED]
    assert done.phase("up").reason == "up: exit 1: error: no room"
    assert done.phase("verify").reason == "needs up, whose up failed"
    assert done.exit_code == 1


def test_a_failed_check_does_not_skip_the_others(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="true", verify="exit 1", load="true", down="true"))
    assert [phase.state for phase in done.phases] == [
        State.PASSED,
        State.FAILED,
        State.PASSED,
        State.PASSED,
    ]


def test_a_missing_make_target_is_a_fault_of_the_tests(tmp_path: Path) -> None:
    missing = plans(up="true", load="make --no-print-directory -f /dev/null load", down="true")
    done = night_of(tmp_path, missing)
    assert done.phase("load").state is State.FAILED
    assert done.fault is Fault.TEST
    assert done.exit_code == 4


def test_a_full_disk_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="echo 'write x: No space left on device'; exit 1", down="true"))
    assert (done.fault, done.exit_code) == (Fault.INFRA, 3)


def test_a_failed_promise_fails_the_night_even_if_every_command_succeeded(tmp_path: Path) -> None:
    done = night_of(
        tmp_path, plans(up="true", verify="true", down="true"), StubCollector({"verify": "failed"})
    )
    assert done.phase("verify").reason == "failed: a row is predicted"
    assert (done.fault, done.exit_code) == (Fault.PRODUCT, 1)


def test_missing_evidence_fails_the_phase(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="true", verify="true", down="true"), StubCollector(lost="verify"))
    assert done.phase("verify").reason == "its evidence is missing: FileNotFoundError: no such report"
    assert done.exit_code == 4


def test_a_failed_removal_is_forced_and_stays_a_failure(tmp_path: Path) -> None:
    done = night_of(tmp_path, plans(up="true", down="exit 1"))
    assert done.phase("down").state is State.FAILED
    assert (tmp_path / "removed").exists()


def test_a_command_that_times_out_is_ended_and_reported(tmp_path: Path) -> None:
    slow = (Plan(name="up", commands=(shell("deploy", "sleep 300", seconds=0.5),)),)
    done = night_of(tmp_path, slow)
    assert done.phase("up").reason == "deploy did not end within 0 min"
    assert done.seconds < _BOUND_SECONDS


class SmallNight:
    """A night that waits in its second phase, in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        argv = [sys.executable, "-m", "tests.fixtures.small_night", "outer", str(folder)]
        marked = os.environ | {_MARK: str(folder)}
        self.outer = subprocess.Popen(argv, cwd=REPOSITORY, start_new_session=True, env=marked)
        wait_for("the second phase", self._waiting, timeout_seconds=_BOUND_SECONDS, interval_seconds=0.1)

    def _waiting(self) -> str | None:
        log = self.folder / RUN / "verify.log"
        return None if log.is_file() and "waits" in log.read_text() else "not there yet"

    def record(self) -> Night:
        found = night.read(self.folder / RUN / "evidence.json")
        assert found is not None
        return found

    def page(self) -> str:
        return (self.folder / RUN / "index.html").read_text()

    def processes(self) -> list[int]:
        """Return all processes of this night."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if environment(int(entry.name)).get(_MARK) == str(self.folder):
                        found.append(int(entry.name))
        return found

    def inner(self) -> int:
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        return int(children[0])


@pytest.fixture
def small(tmp_path: Path) -> Generator[SmallNight]:
    waiting = SmallNight(tmp_path)
    try:
        yield waiting
    finally:
        for pid in waiting.processes():
            os.kill(pid, signal.SIGKILL)
        waiting.outer.wait()


def nothing_runs(small: SmallNight) -> None:
    def gone() -> str | None:
        left = [pid for pid in small.processes() if pid != small.outer.pid]
        return f"{left} are running" if left else None

    wait_for("the end of everything", gone, timeout_seconds=_BOUND_SECONDS, interval_seconds=0.1)


def test_the_page_of_a_running_night_shows_its_phase(small: SmallNight) -> None:
    assert not small.record().finished
    assert "Not finished: in verify." in small.page()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_phase_and_removes_the_instance(small: SmallNight, number: signal.Signals) -> None:
    os.killpg(small.outer.pid, number)
    assert small.outer.wait(timeout=_BOUND_SECONDS) == 130
    nothing_runs(small)
    record = small.record()
    assert [phase.state for phase in record.phases] == [
        State.PASSED,
        State.INTERRUPTED,
        State.SKIPPED,
        State.PASSED,
    ]
    assert record.phase("verify").reason.endswith("during quick journeys")
    assert "Stopped during verify." in small.page()
    assert (small.folder / "removed").exists()


def test_the_outer_process_cleans_up_after_a_killed_inner_one(small: SmallNight) -> None:
    os.kill(small.inner(), signal.SIGKILL)
    assert small.outer.wait(timeout=_BOUND_SECONDS) == 130
    nothing_runs(small)
    assert (small.folder / "removed").exists()
    assert "Killed during verify." in small.page()
    assert small.record().phase("load").reason == "not reached: killed before"


def test_if_both_are_killed_the_next_night_closes_the_record(small: SmallNight) -> None:
    os.killpg(small.outer.pid, signal.SIGKILL)
    nothing_runs(small)
    assert "Not finished: in verify." in small.page()
    assert close_unfinished(small.folder) == [RUN]
    assert "Killed during verify." in small.page()
    assert [each.outcome for each in history.read(small.folder / "history.jsonl")] == ["stopped"]
    assert close_unfinished(small.folder) == []


def test_the_next_night_does_not_change_a_finished_record(tmp_path: Path) -> None:
    ended = Night(run=RUN, began="2026-11-21", phases=(Phase(name="up", state=State.PASSED),), finished=True)
    publish(tmp_path / RUN, ended, tmp_path / "history.jsonl")
    assert close_unfinished(tmp_path) == []
    assert night.read(tmp_path / RUN / "evidence.json") == replace(ended)
