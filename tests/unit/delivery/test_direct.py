"""Requests to pods, bounded in time and size."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from delivery.direct import DirectSession


@contextmanager
def _server(body: bytes = b"", status: int = 200, pause: float = 0) -> Generator[str]:
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            try:
                for at in range(len(body)):
                    self.wfile.write(body[at : at + 1] if pause else body[at:])
                    # Drop by drop, until the test is over.
                    if not pause or over.wait(pause):
                        return
            except OSError:
                pass

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        over.set()
        server.shutdown()


def test_an_answer_has_status_headers_and_body() -> None:
    with _server(b"three") as url:
        found = DirectSession().get(url, most_bytes=5)
    assert (found.ok, found.status, found.body) == (True, 200, b"three")


def test_a_longer_answer_is_refused() -> None:
    with _server(b"three") as url, pytest.raises(ValueError, match="more than 4 bytes"):
        DirectSession().get(url, most_bytes=4)


def test_an_answer_that_comes_drop_by_drop_is_given_up() -> None:
    with _server(b"x" * 100, pause=0.05) as url:
        began = time.monotonic()
        with pytest.raises(ValueError, match=r"not read within 0\.2 s"):
            DirectSession(seconds=0.2).get(url, most_bytes=1000)
    assert time.monotonic() - began < 3


def test_nobody_is_sent_elsewhere() -> None:
    with _server(b"x", status=302) as url:
        assert DirectSession().get(url, most_bytes=10).status == 302
