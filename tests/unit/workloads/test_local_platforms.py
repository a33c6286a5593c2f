"""Platforms of this machine: the one that goes on, none, or several."""

import json
import socket
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads import local_platforms
from workloads.errors import WorkloadsError


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[list[socket.socket]]:
    """Two sockets that listen; the user's temporary files are in a folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]


def write(folder: Path, name: str, listening: socket.socket) -> Path:
    file = folder / name / "endpoints.json"
    file.parent.mkdir()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    file.write_text(json.dumps({**OUTPUTS, "gateway_url": url, "local_model_url": url}))
    return file


def test_the_one_that_goes_on_is_found_and_one_that_was_killed_is_not(
    tmp_path: Path, sockets: list[socket.socket]
) -> None:
    write(tmp_path, "plinth-laptop-a", sockets[0])
    write(tmp_path, "plinth-laptop-b", sockets[1])
    sockets[0].close()
    found = local_platforms.running()
    assert found.gateway_url == f"http://127.0.0.1:{sockets[1].getsockname()[1]}"
    assert found.local_model_url == found.gateway_url


def test_none_is_one_line(tmp_path: Path, sockets: list[socket.socket]) -> None:
    write(tmp_path, "another-a", sockets[0])
    with pytest.raises(WorkloadsError) as refused:
        local_platforms.running()
    assert str(refused.value) == (
        "--local: no platform goes on on this machine; in another terminal run `make try STAY=1`, "
        "or run train_register_serve with --local --stay"
    )


def test_several_are_named(tmp_path: Path, sockets: list[socket.socket]) -> None:
    files = [write(tmp_path, f"plinth-laptop-{at}", each) for at, each in enumerate(sockets)]
    with pytest.raises(WorkloadsError) as refused:
        local_platforms.running()
    assert str(refused.value) == (
        f"--local: 2 platforms go on on this machine; give one as --endpoints {files[0]} or {files[1]}"
    )
