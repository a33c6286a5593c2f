"""devpi-server as the index of a cluster: its state, its way to pip's indexes, and what a client sees."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from cluster import package_index
from cluster.pip_settings import PipSettings
from cluster.wait import wait_for

WHEEL = b"not really a wheel"
FILE = "demo-1.0-py3-none-any.whl"
PAGE = f'<!DOCTYPE html><html><body><a href="/files/{FILE}">{FILE}</a></body></html>'


class Upstream(http.server.BaseHTTPRequestHandler):
    """An index with one project; it has no list of all."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        pages = {"/simple/demo/": PAGE.encode(), f"/files/{FILE}": WHEEL}
        body = pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def upstream() -> Generator[http.server.ThreadingHTTPServer]:
    Upstream.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def index(upstream: http.server.ThreadingHTTPServer, tmp_path: Path) -> Generator[httpx.Client]:
    """A client of an index that mirrors the upstream."""
    settings, served = tmp_path / "pip.json", str(tmp_path / "index.sock")
    PipSettings(indexes=(f"http://127.0.0.1:{upstream.server_port}/simple",)).write(settings)
    command = [sys.executable, "-m", "cluster.package_index", str(settings), str(tmp_path / "state"), served]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)

    def answers() -> str | None:
        assert server.poll() is None, (tmp_path / "log").read_text()
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(served)
        except OSError as error:
            return str(error)
        return None

    try:
        wait_for("the index", answers, timeout_seconds=120)
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=served),
            base_url=f"http://index{package_index.PATH}",
            timeout=60,
        ) as client:
            yield client
    finally:
        server.terminate()
        server.wait(30)


def test_a_client_gets_what_pip_of_this_machine_gets_and_nobody_lists_the_world(index: httpx.Client) -> None:
    page = index.get("demo/")
    assert page.status_code == 200
    link = page.text.partition(f">{FILE}")[0].rpartition('href="')[2].rpartition('"')[0]
    assert index.get(page.url.join(link)).content == WHEEL
    assert index.get("no-such-project/").status_code == 404
    assert Upstream.asked[0] == "/simple/demo/"
    assert "/simple/" not in Upstream.asked


def test_clients_cannot_change_the_index(index: httpx.Client) -> None:
    for password in ("", "root"):
        assert (
            index.post("http://index/+login", json={"user": "root", "password": password}).status_code == 401
        )
    assert index.put("http://index/mallory", json={"password": "long enough for devpi"}).status_code in (
        401,
        403,
    )
    assert index.put("http://index/root/mine", json={"type": "stage"}).status_code in (401, 403)


def test_every_index_of_pip_is_asked() -> None:
    state = package_index.state(PipSettings(indexes=("https://a/simple", "https://b/simple")))
    indexes = {name: each["indexconfig"] for name, each in state["indexes"].items()}
    assert [each["mirror_url"] for each in indexes.values() if each["type"] == "mirror"] == [
        "https://a/simple",
        "https://b/simple",
    ]
    assert indexes["root/packages"]["bases"] == [name for name in indexes if name != "root/packages"]
    json.dumps(state)


def test_the_way_to_the_indexes_is_pips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    settings = PipSettings(
        indexes=("https://a/simple",),
        certificate="/etc/company.pem",
        proxy="http://proxy:3128",
        proxies={"no_proxy": "localhost", "HTTPS_PROXY": "http://other:1"},
    )
    found = package_index.environment(settings)
    assert found == {
        **os.environ,
        "no_proxy": "localhost",
        "HTTP_PROXY": "http://proxy:3128",
        "HTTPS_PROXY": "http://proxy:3128",
        "REQUESTS_CA_BUNDLE": "/etc/company.pem",
    }
