"""Servers that run for a benchmark alone."""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness import processes
from harness.bench import peers
from harness.bench.closed_loop import LoadError

_LISTEN = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
assert os.environ["SET"] == "here"
server.accept()
server.accept()
"""


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs without a container, as any user."""

    def outside(_: int, argv: Sequence[str]) -> list[str]:
        return [*argv]

    monkeypatch.setattr(peers, "_inside", outside)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """A free port; the program that looks at the sockets of a container looks at those of this machine."""
    enter = tmp_path / "nsenter"
    enter.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    enter.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_server_runs_until_the_block_ends(port: int) -> None:
    argv = [sys.executable, "-c", _LISTEN, str(port)]
    with peers.running(os.getpid(), argv, port, {"SET": "here"}) as pid:
        assert processes.command_line(pid)[1:2] == ["-c"]
        with socket.create_connection(("127.0.0.1", port)):
            pass
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_ends_is_an_error_with_its_last_words(port: int) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no model')"]
    with pytest.raises(LoadError, match="ended: no model"), peers.running(os.getpid(), argv, port):
        pass


def test_a_program_runs_to_its_end() -> None:
    assert peers.run(os.getpid(), [sys.executable, "-c", "print(7)"]) == "7\n"
    with pytest.raises(LoadError, match="ended with 1: no folder"):
        peers.run(os.getpid(), [sys.executable, "-c", "raise SystemExit('no folder')"])
