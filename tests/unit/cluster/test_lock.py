import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import lock
from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.wait import wait_for


def _hold(label: str, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cluster", "hold", "--name", "test", label, "--", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await_file(path: Path) -> None:
    wait_for(str(path), lambda: None if path.exists() else "absent", timeout_seconds=15)


def test_the_second_caller_learns_who_holds_the_lock(instance: Instance, tmp_path: Path) -> None:
    mark = tmp_path / "started"
    first = _hold("make up", "sh", "-c", f"touch {mark}; exec sleep 60")
    try:
        _await_file(mark)
        second = _hold("make down", "true")
        _, errors = second.communicate(timeout=20)
        assert second.returncode == 1
        pattern = rf"error: cluster 'test' is in use by `make up` \(pid {first.pid}, since \d{{4}}-\d\d-\d\d "
        assert re.match(pattern, errors)
        assert len(errors.strip().splitlines()) == 1
    finally:
        first.terminate()
        first.communicate(timeout=20)


def test_children_work_under_their_parents_lock(instance: Instance) -> None:
    inner = [sys.executable, "-m", "cluster", "hold", "--name", "test", "inner", "--", "echo", "inside"]
    outer = _hold("outer", *inner)
    output, _ = outer.communicate(timeout=30)
    assert (outer.returncode, output) == (0, "inside\n")


def test_a_killed_holder_does_not_block_and_its_command_is_ended(instance: Instance, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    first = _hold("make up", "sh", "-c", f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60")
    _await_file(mark)
    child = int(mark.read_text())
    first.kill()
    first.communicate(timeout=20)
    wait_for("child", lambda: None if not _alive(child) else "alive", timeout_seconds=10)
    second = _hold("again", "true")
    second.communicate(timeout=20)
    assert second.returncode == 0


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("command", "code"), [("exit 5", 5), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_the_commands_exit_code_is_passed_on(instance: Instance, command: str, code: int) -> None:
    process = _hold("x", "sh", "-c", command)
    process.communicate(timeout=20)
    assert process.returncode == code


def test_a_lock_file_without_a_holder_is_free(instance: Instance) -> None:
    instance.lock.parent.mkdir(parents=True)
    instance.lock.write_text('{"pid": "1", "command": "gone", "since": "long ago", "token": "t"}')
    with lock.held(instance, "new"):
        assert str(os.getpid()) in instance.lock.read_text()


def test_a_foreign_token_inherits_nothing(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock.held(instance, "holder"):
        monkeypatch.setenv(lock.TOKEN_VARIABLE, "other")
        with pytest.raises(ClusterError, match="in use by `holder`"), lock.held_or_inherited(instance, "x"):
            pass
