"""A team's view of the metrics: what reaches Prometheus names the team's namespaces, whatever was asked."""

import http.server
import json
import subprocess
import threading
import urllib.parse
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.monitoring.team_metrics import HEADER, options
from tests.fixtures.ports import free_port
from upstream import build, recipe
from workloads.wait import wait_for

_OWN = 'namespace=~"pipelines-research|research"'
_NAMESPACES = {HEADER: "research,pipelines-research"}


class _Prometheus(http.server.BaseHTTPRequestHandler):
    """Stores what it is asked, and answers nothing."""

    asked: list[tuple[str, dict[str, list[str]]]]

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def _answer(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fields = urllib.parse.parse_qs("&".join(each for each in (parts.query, body) if each))
        self.asked.append((parts.path, fields))
        text = json.dumps({"status": "success", "data": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = _answer  # noqa: N815 - of the base class


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, dict[str, list[str]]]]:
    return []


@pytest.fixture(scope="module")
def proxy(
    asked: list[tuple[str, dict[str, list[str]]]], tmp_path_factory: pytest.TempPathFactory
) -> Generator[str]:
    build.build(recipe.load("prom-label-proxy"))
    handler = type("Prometheus", (_Prometheus,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, log = f"http://127.0.0.1:{free_port()}", tmp_path_factory.mktemp("proxy") / "log"
    started = _start(f"http://127.0.0.1:{server.server_port}", url.removeprefix("http://"), log)

    def answers() -> str | None:
        try:
            return None if httpx.get(f"{url}/healthz").status_code == 200 else "no health"
        except httpx.HTTPError as error:
            return f"{error}: {log.read_text()[-300:]}"

    try:
        wait_for("the proxy", answers, timeout_seconds=30)
        yield url
    finally:
        started.kill()
        started.wait()
        server.shutdown()
        server.server_close()


def _start(prometheus: str, address: str, log: Path) -> "subprocess.Popen[bytes]":
    program = [str(build.binary("prom-label-proxy")), *options(address), f"--upstream={prometheus}"]
    with log.open("w") as sink:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *program], stdout=sink, stderr=sink)


@pytest.mark.parametrize(
    "query",
    [
        "up",
        'up{namespace="applied"}',
        'up{namespace=~".*"}',
        'up{namespace!="research"}',
        '{__name__=~".+"}',
        'sum(rate(a[5m])) / on() count(b{namespace="applied"} offset 1h) or c @ 0',
        'max_over_time((d or e{namespace=""})[1h:1m])',
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_selector_of_a_query_is_bound_to_the_namespaces(
    proxy: str, asked: list[tuple[str, dict[str, list[str]]]], query: str, method: str
) -> None:
    asked.clear()
    if method == "GET":
        answer = httpx.get(f"{proxy}/api/v1/query", headers=_NAMESPACES, params={"query": query})
    else:
        answer = httpx.post(f"{proxy}/api/v1/query", headers=_NAMESPACES, data={"query": query})
    assert answer.status_code == 200
    ((_, fields),) = asked
    (arrived,) = fields["query"]
    # Each selector has braces of its own, and the team's namespaces in them.
    assert arrived.count("{") == arrived.count(_OWN) >= 1, arrived


def test_a_second_query_in_one_request_does_not_pass_beside_the_first(
    proxy: str, asked: list[tuple[str, dict[str, list[str]]]]
) -> None:
    asked.clear()
    answer = httpx.post(
        f"{proxy}/api/v1/query?query=up&query=other", headers=_NAMESPACES, data={"query": "more"}
    )
    assert answer.status_code == 200
    ((_, fields),) = asked
    assert all(_OWN in each for each in fields["query"])


@pytest.mark.parametrize("path", ["/api/v1/series", "/api/v1/labels", "/api/v1/label/namespace/values"])
@pytest.mark.parametrize("match", [[], ["up"], ['up{namespace="applied"}', "{job=~'.+'}"]])
def test_names_and_values_of_labels_are_those_of_the_team(
    proxy: str, asked: list[tuple[str, dict[str, list[str]]]], path: str, match: list[str]
) -> None:
    asked.clear()
    answer = httpx.get(f"{proxy}{path}", headers=_NAMESPACES, params={"match[]": match})
    assert answer.status_code == 200
    ((_, fields),) = asked
    assert len(fields["match[]"]) == max(1, len(match))
    assert all(_OWN in each for each in fields["match[]"])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/-/quit",
        "/-/reload",
        "/api/v1/admin/tsdb/delete_series",
        "/api/v1/metadata",
        "/api/v1/status/config",
        "/api/v1/targets",
        "/api/v1/write",
        "/metrics",
    ],
)
def test_nothing_else_of_prometheus_is_behind_it(
    proxy: str, asked: list[tuple[str, dict[str, list[str]]]], path: str
) -> None:
    asked.clear()
    for method in ("GET", "POST"):
        assert httpx.request(method, f"{proxy}{path}", headers=_NAMESPACES).status_code == 404
    assert asked == []


def test_a_request_without_namespaces_is_refused(
    proxy: str, asked: list[tuple[str, dict[str, list[str]]]]
) -> None:
    asked.clear()
    for headers in ({}, {HEADER: ""}, {HEADER: ",,"}):
        assert httpx.get(f"{proxy}/api/v1/query?query=up", headers=headers).status_code == 400
    assert asked == []
