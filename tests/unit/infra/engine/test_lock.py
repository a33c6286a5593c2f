"""The engine's lock, read from its file and its processes."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.engine import lock
from infra.engine.lock import EngineLock


def lock_of(pid: int, host: str = socket.gethostname()) -> EngineLock:
    return EngineLock(pid=pid, host=host, since="2026-01-01")


def test_a_file_names_the_process_its_host_and_its_start(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"pid": 7, "hostname": "there", "timestamp": "2026-01-01", "username": "x"}))
    assert EngineLock.read(path) == lock_of(7, "there")


@pytest.mark.parametrize("text", ["", '{"pid": 7'])
def test_a_half_written_file_is_no_lock(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock.json"
    path.write_text(text)
    assert EngineLock.read(path) is None


def test_a_file_that_is_gone_is_no_lock(tmp_path: Path) -> None:
    assert EngineLock.read(tmp_path / "lock.json") is None


def test_only_on_this_machine_a_dead_engine_is_known_to_be_dead(live_engine: subprocess.Popen[bytes]) -> None:
    assert not lock_of(os.getpid()).may_be_alive
    assert lock_of(os.getpid(), "elsewhere").may_be_alive
    held = lock_of(live_engine.pid)
    assert held.may_be_alive
    live_engine.kill()
    live_engine.wait()
    assert not held.may_be_alive


def test_the_exit_of_an_engine_is_awaited(
    live_engine: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert live_engine.stdin
    held = lock_of(live_engine.pid)
    closing = threading.Timer(0.3, live_engine.stdin.close)
    closing.start()
    held.await_end()
    closing.join()
    assert not held.may_be_alive
    assert capsys.readouterr().err == (
        f"the previous run was killed: waiting for its engine to exit (pid {live_engine.pid})\n"
    )


def test_waiting_is_bounded_and_only_for_engines_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "ENDING_SECONDS", 0.1)
    lock_of(os.getpid()).await_end()
    assert str(os.getpid()) in capsys.readouterr().err
    lock_of(os.getpid(), "elsewhere").await_end()
    assert capsys.readouterr().err == ""


def test_the_kernel_releases_the_mark_of_a_dead_runner(tmp_path: Path) -> None:
    assert not lock.has_runner(tmp_path)
    program = (
        "import sys, pathlib; from infra.engine import lock\n"
        "with lock.mark_runner(pathlib.Path(sys.argv[1])): print('marked', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == "marked\n"
        with lock.mark_runner(tmp_path):
            assert lock.has_runner(tmp_path)
        assert lock.has_runner(tmp_path)
        runner.kill()
    assert not lock.has_runner(tmp_path)
