"""Programs of the tier, with short processes of this machine in their place."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.wait import wait_for
from simulation.gpus.programs import ProgramEndedError, Programs

WAITS = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """No program yet; its logs are in a folder that does not exist before."""
    return Programs(tmp_path / "logs")


def _await(what: str, condition: Callable[[], bool]) -> None:
    wait_for(what, lambda: None if condition() else "not yet", timeout_seconds=20)


def _process_state(programs: Programs, name: str) -> str:
    stat = Path(f"/proc/{programs._running[name].pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def test_programs_end_with_their_context_the_last_one_first(programs: Programs) -> None:
    with programs:
        programs.start("first", WAITS)
        programs.start("second", WAITS)
        assert programs.names() == ["first", "second"]
        programs.check()
    assert [each.returncode for each in programs._running.values()] == [-signal.SIGTERM] * 2


def test_a_program_that_ignores_the_end_is_killed(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulation.gpus.programs._END_SECONDS", 0.2)
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    with programs:
        programs.start("stubborn", ["sh", "-c", stubborn])
        _await("it ignores signals", lambda: programs.log_end("stubborn") == "up")
    assert programs._running["stubborn"].returncode == -signal.SIGKILL


def test_a_program_that_ended_is_named_with_its_exit_code_and_last_lines(programs: Programs) -> None:
    with programs:
        programs.start("etcd", ["sh", "-c", "seq 30; echo no disk >&2; exit 3"])
        programs._running["etcd"].wait(timeout=20)
        with pytest.raises(ProgramEndedError, match="etcd ended with 3:") as ended:
            programs.check()
    lines = str(ended.value).splitlines()[1:]
    assert lines == [*(str(number) for number in range(17, 31)), "no disk"]


def test_a_program_sees_its_own_environment_only(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    with programs:
        programs.start("env", ["env"], {"KUBECONFIG": "k"})
        assert programs._running["env"].wait(timeout=20) == 0
    names = {line.partition("=")[0] for line in programs.log_end("env").splitlines()}
    assert {"PATH", "HOME", "KUBECONFIG"} <= names
    assert "AWS_PROFILE" not in names
    assert f"HOME={tmp_path / 'logs'}" in programs.log_end("env").splitlines()


def test_a_suspended_program_goes_on_afterwards(programs: Programs) -> None:
    with programs:
        programs.start("kueue", WAITS)
        _await("it is up", lambda: programs.log_end("kueue") == "up")
        with programs.suspended("kueue"):
            _await("it is stopped", lambda: _process_state(programs, "kueue") == "T")
        _await("it goes on", lambda: _process_state(programs, "kueue") == "S")


def test_a_suspended_program_goes_on_after_a_failed_test(programs: Programs) -> None:
    with programs:
        programs.start("kueue", WAITS)
        _await("it is up", lambda: programs.log_end("kueue") == "up")
        with pytest.raises(ValueError, match="broken"), programs.suspended("kueue"):
            raise ValueError("broken")
        _await("it goes on", lambda: _process_state(programs, "kueue") == "S")


def test_resident_memory_is_that_of_the_program(programs: Programs) -> None:
    big = "import signal; held = b'x' * (64 << 20); print('up', flush=True); signal.pause()"
    with programs:
        programs.start("big", [sys.executable, "-c", big])
        _await("it holds its memory", lambda: programs.log_end("big") == "up")
        assert 64 < programs.resident_mib("big") < 200
