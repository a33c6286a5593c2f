"""The client of Prometheus, against a server on loopback."""

import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.prometheus import Prometheus, PrometheusError
from tests.fixtures.platforms import endpoints


class Server(BaseHTTPRequestHandler):
    """Answers each path with what a test gave it: a status and a document, or text that is not JSON."""

    answers: ClassVar[dict[str, tuple[int, Any]]] = {}
    requests: ClassVar[list[tuple[str, str, dict[str, list[str]]]]] = []

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.requests.append((str(self.headers["Host"]), parts.path, parse_qs(parts.query)))
        status, document = self.answers[parts.path.removeprefix("/api/v1/")]
        is_text = isinstance(document, str)
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def prometheus() -> Generator[Prometheus]:
    Server.answers.clear()
    Server.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    client = Prometheus(endpoints(gateway_url=f"http://127.0.0.1:{server.server_port}"))
    yield client
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


def answer(path: str, data: Any, status: int = 200) -> None:
    Server.answers[path] = (status, {"data": data} if status == 200 else data)


def test_samples_are_labels_and_values_of_every_series(prometheus: Prometheus) -> None:
    result = [
        {"metric": {"pod": "a"}, "value": [1.0, "2.5"]},
        {"metric": {"pod": "b"}, "value": [1.0, "NaN"]},
    ]
    answer("query", {"resultType": "vector", "result": result})
    first, second = prometheus.samples("sum by (pod) (x)")
    assert first == ({"pod": "a"}, 2.5)
    assert second[1] != second[1], "NaN"
    assert Server.requests == [
        ("prometheus.plinth.localhost", "/api/v1/query", {"query": ["sum by (pod) (x)"]})
    ]


def test_a_range_is_times_and_values_of_every_series(prometheus: Prometheus) -> None:
    matrix = [{"metric": {"variable": "feature/x"}, "values": [[100.0, "0.5"], [105.0, "1.5"]]}]
    Server.answers["query_range"] = (200, {"data": {"resultType": "matrix", "result": matrix}})
    found = prometheus.ranges("drift", since=100.0, step_seconds=5)
    assert found == [({"variable": "feature/x"}, [(100.0, 0.5), (105.0, 1.5)])]
    parameters = Server.requests[-1][2]
    assert (parameters["query"], parameters["start"], parameters["step"]) == (["drift"], ["100.0"], ["5"])
    assert float(parameters["end"][0]) > 100


def test_a_scalar_is_a_sample_without_labels(prometheus: Prometheus) -> None:
    answer("query", {"resultType": "scalar", "result": [1.0, "7"]})
    assert prometheus.samples("scalar(x)") == [({}, 7.0)]


@pytest.mark.parametrize(("result", "known"), [([], False), ([{"metric": {}, "value": [1.0, "3"]}], True)])
def test_a_metric_is_known_by_its_samples(prometheus: Prometheus, result: list[Any], known: bool) -> None:
    answer("query", {"resultType": "vector", "result": result})
    assert prometheus.has("up") is known
    assert Server.requests[0][2] == {"query": ["count(up)"]}


def test_targets_are_grouped_by_job(prometheus: Prometheus) -> None:
    targets = [
        {"labels": {"job": job}, "health": health, "lastError": error}
        for job, health, error in (("a", "up", ""), ("b", "up", ""), ("a", "down", "connection refused"))
    ]
    answer("targets", {"activeTargets": targets})
    assert prometheus.targets() == {"a": [("up", ""), ("down", "connection refused")], "b": [("up", "")]}


def test_rules_of_all_groups_are_returned(prometheus: Prometheus) -> None:
    answer("rules", {"groups": [{"rules": [{"name": "one"}]}, {"rules": [{"name": "two"}]}]})
    assert [rule["name"] for rule in prometheus.rules()] == ["one", "two"]


def test_an_alert_that_is_pending_does_not_fire(prometheus: Prometheus) -> None:
    alerts = [
        {"labels": {"alertname": "PodDown"}, "state": "firing"},
        {"labels": {"alertname": "NodeDown"}, "state": "pending"},
    ]
    answer("alerts", {"alerts": alerts})
    assert prometheus.firing() == {"PodDown"}


def test_a_rejected_request_has_the_reason(prometheus: Prometheus) -> None:
    answer("query", {"error": "parse error: unexpected end of input"}, status=400)
    with pytest.raises(
        PrometheusError, match=r"query \{'query': 'sum\('\}: parse error: unexpected end of input"
    ):
        prometheus.samples("sum(")


def test_an_error_that_is_not_json_has_its_text(prometheus: Prometheus) -> None:
    Server.answers["query"] = (503, "no available server")
    with pytest.raises(PrometheusError, match="no available server"):
        prometheus.samples("up")
