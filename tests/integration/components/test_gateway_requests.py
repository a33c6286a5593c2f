"""What the gateway sends and logs, as its build has it: small requests in one piece, log lines in batches."""

import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.fixtures.front_door import PIPELINES, Door, open_door
from workloads.wait import wait_for

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# Larger ones are passed on as they arrive.
_SMALL = 16 * 1024
_READ_BYTES = 1024 * 1024


class _Reader:
    """A server that keeps the body of each request, and how much of it came with the headers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.bodies: dict[str, bytes] = {}
        self.first: dict[str, int] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while read := connection.recv(_READ_BYTES):
                head, _, body = read.partition(b"\r\n\r\n")
                request, *lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines)
                path = request.split()[1]
                self.first[path] = len(body)
                missing = int(headers.get("content-length", "0")) - len(body)
                while missing > 0 and (more := connection.recv(missing)):
                    body += more
                    missing -= len(more)
                self.bodies[path] = body
                connection.sendall(_ANSWER)


@pytest.fixture(scope="module")
def reader() -> Generator[_Reader]:
    with closing(_Reader()) as reader:
        yield reader


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, reader: _Reader) -> Generator[Door]:
    with open_door(tmp_path_factory.mktemp("door"), reader.port) as door:
        yield door


def _post(door: Door, path: str, body: bytes) -> int:
    url = f"http://127.0.0.1:{door.port}{path}"
    return requests.post(url, body, headers={"Host": PIPELINES}, timeout=20).status_code


@pytest.mark.parametrize("size", [0, 1, 300, _SMALL, _SMALL + 1, 3_000_000])
def test_every_body_arrives_as_it_was_sent(door: Door, reader: _Reader, size: int) -> None:
    body = os.urandom(size)
    assert _post(door, f"/body/{size}", body) == 200
    assert reader.bodies[f"/body/{size}"] == body


def test_a_small_request_is_one_piece(door: Door, reader: _Reader) -> None:
    for number in range(20):
        assert _post(door, f"/piece/{number}", b"x" * 300) == 200
    assert {reader.first[f"/piece/{number}"] for number in range(20)} == {300}


def test_a_small_request_whose_client_goes_away_reaches_nobody(door: Door, reader: _Reader) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as client:
        client.sendall(f"POST /gone HTTP/1.1\r\nHost: {PIPELINES}\r\nContent-Length: 10\r\n\r\nhalf".encode())
    assert _post(door, "/after", b"x") == 200
    assert "/gone" not in reader.bodies


def _logged(door: Door) -> list[str]:
    lines = [json.loads(line) for line in door.log.read_text().splitlines() if line.startswith("{")]
    paths = [line.get("RequestPath", "") for line in lines]
    return sorted(path for path in paths if path.startswith("/logged/"))


def test_lines_of_the_log_are_whole_and_not_held_back(door: Door) -> None:
    paths = [f"/logged/{number:03}" for number in range(300)]
    for path in paths:
        assert door.ask("GET", PIPELINES, path).status == 200
    wait_for("the lines", lambda: None if _logged(door) == paths else "not all", timeout_seconds=5)


def test_a_gateway_that_ends_has_logged_every_request(tmp_path: Path, reader: _Reader) -> None:
    paths = [f"/logged/{number:03}" for number in range(20)]
    with open_door(tmp_path, reader.port) as door:
        for path in paths:
            assert door.ask("GET", PIPELINES, path).status == 200
        door.traefik.terminate()
        door.traefik.wait(timeout=20)
        assert _logged(door) == paths
