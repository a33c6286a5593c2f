"""A run of the engine: its events are read, and however it ends no process of it is left."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from cluster import marked
from cluster.instance import ENGINE_MARK
from infra.engine import run as engine_run
from infra.engine.run import Run, end_runs

# An engine with a provider in a session of its own, as Pulumi starts them.
ENGINE = """
import signal, subprocess, sys, tempfile, time
tempfile.mkstemp(prefix="kubeconfig")
print(tempfile.gettempdir(), flush=True)
subprocess.Popen(["sleep", "60"], start_new_session=True)
events = open(sys.argv[-1], "w")
events.write('{"a": 1}\\n{"b":')
events.flush()
# What a shell starts in the background ignores interrupts, and hands that on to all that it starts.
deaf = sys.argv[1] == "deaf"
signal.signal(signal.SIGINT, signal.SIG_IGN if deaf else signal.default_int_handler)
if sys.argv[1] != "short":
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        time.sleep(600)
    except KeyboardInterrupt:
        sys.exit(7)
events.write(' 2}\\n')
events.close()
"""


def run(folder: Path, how: str, seconds: float | None = None) -> tuple[list[str], int]:
    argv = [sys.executable, "-c", ENGINE, how]
    made = Run(argv=argv, environment=dict(os.environ), folder=folder, seconds=seconds)
    # On a busy machine the time may be over before the engine is ready; the interrupt waits for it.
    blocked = [] if seconds is None else [signal.SIGINT]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        with (folder / "log").open("w") as output, made.started(output) as child:
            return list(child.lines()), child.wait()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_events_are_whole_lines_and_a_provider_does_not_outlive_its_engine(tmp_path: Path) -> None:
    assert run(tmp_path, "short") == (['{"a": 1}', '{"b": 2}'], 0)
    assert marked.processes(ENGINE_MARK, tmp_path) == []


@pytest.mark.parametrize(("how", "seconds"), [("short", None), ("long", 1.5)])
def test_temporary_files_of_a_run_are_in_its_own_folder_and_go_with_it(
    tmp_path: Path, how: str, seconds: float | None
) -> None:
    run(tmp_path, how, seconds)
    used = Path((tmp_path / "log").read_text().splitlines()[0])
    assert used.is_relative_to(tmp_path)
    assert not used.exists()


def test_a_run_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    lines, code = run(tmp_path, "long", seconds=1.5)
    assert code == 7
    assert lines == ['{"a": 1}']
    assert marked.processes(ENGINE_MARK, tmp_path) == []


def test_an_engine_that_ignores_an_interrupt_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_run, "ENDING_SECONDS", 0.3)
    _, code = run(tmp_path, "deaf", seconds=1.5)
    assert code == -signal.SIGKILL
    assert marked.processes(ENGINE_MARK, tmp_path) == []


def test_a_users_interrupt_ends_the_engine_and_then_this_command(tmp_path: Path) -> None:
    threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "long")
    assert marked.processes(ENGINE_MARK, tmp_path) == []


def test_what_a_killed_runner_left_is_ended(tmp_path: Path) -> None:
    copied = tmp_path / "runs" / "one" / "kubeconfig1"
    copied.parent.mkdir(parents=True)
    copied.touch()
    environment = {**os.environ, ENGINE_MARK: str(copied.parent)}
    left = os.posix_spawn("/bin/sleep", ["sleep", "60"], environment)
    end_runs(tmp_path / "other")
    assert marked.processes(ENGINE_MARK, tmp_path) == [left]
    end_runs(tmp_path)
    os.waitpid(left, 0)
    assert marked.processes(ENGINE_MARK, tmp_path) == []
    assert not copied.exists()
