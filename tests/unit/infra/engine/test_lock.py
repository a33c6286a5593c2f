"""The engine's lock, as its file and its processes tell of it."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.engine import lock as engine_lock
from infra.engine.lock import EngineLock


def of(pid: int, host: str = socket.gethostname()) -> EngineLock:
    return EngineLock(pid=pid, host=host, since="2026-01-01")


def test_a_file_tells_who_when_and_where(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"pid": 7, "hostname": "there", "timestamp": "2026-01-01", "username": "x"}))
    assert EngineLock.read(path) == of(7, "there")


@pytest.mark.parametrize("text", ["", '{"pid": 7'])
def test_a_half_written_file_tells_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock.json"
    path.write_text(text)
    assert EngineLock.read(path) is None


def test_a_file_that_is_gone_tells_nothing(tmp_path: Path) -> None:
    assert EngineLock.read(tmp_path / "lock.json") is None


def test_only_a_live_engine_of_this_machine_is_known_to_live(live_engine: subprocess.Popen[bytes]) -> None:
    assert not of(os.getpid()).may_be_alive
    assert of(os.getpid(), "elsewhere").may_be_alive
    lock = of(live_engine.pid)
    assert lock.may_be_alive
    live_engine.kill()
    live_engine.wait()
    assert not lock.may_be_alive


def test_an_end_is_awaited(live_engine: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    assert live_engine.stdin
    lock = of(live_engine.pid)
    closing = threading.Timer(0.3, live_engine.stdin.close)
    closing.start()
    lock.await_end()
    closing.join()
    assert not lock.may_be_alive
    assert capsys.readouterr().err == (
        f"the run before was killed: waiting for its engine to end (pid {live_engine.pid})\n"
    )


def test_nobody_waits_longer_than_told_nor_for_another_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine_lock, "ENDING_SECONDS", 0.1)
    of(os.getpid()).await_end()
    assert str(os.getpid()) in capsys.readouterr().err
    of(os.getpid(), "elsewhere").await_end()
    assert capsys.readouterr().err == ""


def test_the_kernel_takes_a_runners_mark_away(tmp_path: Path) -> None:
    assert not engine_lock.has_runner(tmp_path)
    program = (
        "import sys, pathlib; from infra.engine import lock as engine_lock\n"
        "with engine_lock.running(pathlib.Path(sys.argv[1])): print('marked', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == "marked\n"
        with engine_lock.running(tmp_path):
            assert engine_lock.has_runner(tmp_path)
        assert engine_lock.has_runner(tmp_path)
        runner.kill()
    assert not engine_lock.has_runner(tmp_path)
