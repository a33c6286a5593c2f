import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.processes import Process
from cluster.supervisor import accepts, describe_exit, restart_delay
from cluster.wait import wait_for

_RUN = """
import sys
from pathlib import Path
from cluster.processes import Process
from cluster.supervisor import Supervisor
folder = Path(sys.argv[1])
processes = tuple(Process(**table) for table in eval(sys.argv[2]))
Supervisor(processes=processes, logs=folder, status=folder / "status.json").run()
"""


class _Running:
    """A supervisor in a process of its own, since it takes over signals and waits for any child."""

    def __init__(self, folder: Path, processes: list[Process]) -> None:
        self.folder = folder
        tables = repr([{"name": p.name, "argv": p.argv, "needs": p.needs} for p in processes])
        self.process = subprocess.Popen([sys.executable, "-c", _RUN, str(folder), tables])

    def entry(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / "status.json").read_text())["processes"][name]

    def await_entry(self, name: str, **wanted: object) -> dict[str, Any]:
        def probe() -> str | None:
            try:
                entry = self.entry(name)
            except FileNotFoundError:
                return "no report"
            return None if wanted.items() <= entry.items() else str(entry)

        wait_for(name, probe, timeout_seconds=15, interval_seconds=0.02)
        return self.entry(name)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        finally:
            self.process.kill()


def test_a_killed_process_is_started_again_and_the_report_says_how_it_ended(tmp_path: Path) -> None:
    running = _Running(tmp_path, [Process(name="a", argv=("/bin/sleep", "1000"))])
    try:
        first = running.await_entry("a", state="running")
        os.kill(first["pid"], signal.SIGKILL)
        second = running.await_entry("a", state="running", restarts=1)
        assert second["pid"] != first["pid"]
        assert second["last_exit"].startswith("signal SIGKILL")
    finally:
        running.stop()


def test_a_process_that_keeps_ending_is_reported_and_its_output_kept(tmp_path: Path) -> None:
    running = _Running(tmp_path, [Process(name="bad", argv=("/bin/sh", "-c", "echo reason >&2; exit 7"))])
    try:
        entry = running.await_entry("bad", state="restarting", restarts=2)
        assert entry["last_exit"].startswith("exit 7")
        assert "reason" in (tmp_path / "bad.log").read_text()
    finally:
        running.stop()


def test_a_process_waits_for_the_socket_it_needs(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        need = f"127.0.0.1:{server.getsockname()[1]}"
        running = _Running(tmp_path, [Process(name="late", argv=("/bin/sleep", "1000"), needs=(need,))])
        try:
            running.await_entry("late", state="waiting")
            server.listen()
            running.await_entry("late", state="running", restarts=0)
        finally:
            running.stop()


def test_stopping_ends_every_process(tmp_path: Path) -> None:
    running = _Running(tmp_path, [Process(name=name, argv=("/bin/sleep", "1000")) for name in "ab"])
    pids = [running.await_entry(name, state="running")["pid"] for name in "ab"]
    running.stop()
    assert running.process.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_delays_grow_to_a_limit() -> None:
    assert [restart_delay(failures) for failures in (0, 1, 2, 3, 20)] == [0.0, 0.5, 1.0, 2.0, 15.0]


@pytest.mark.parametrize(("status", "text"), [(0, "exit 0"), (256, "exit 1"), (9, "signal SIGKILL")])
def test_an_exit_is_described(status: int, text: str) -> None:
    assert describe_exit(status) == text


def test_an_absent_socket_does_not_accept(tmp_path: Path) -> None:
    assert not accepts(str(tmp_path / "none.sock"))
