"""Clients of the gateway connect to it, whatever proxy the environment names."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from harness.faults import injection
from harness.prometheus import Prometheus
from loadtests.platform_access import PlatformAccess
from tests.fixtures import platforms
from tests.fixtures.ports import free_port
from workloads import cluster_client, object_store, pipeline_runs, tracking
from workloads.endpoints import Endpoints
from workloads.gateway_access import direct_session, exempt_from_proxies
from workloads.serving.inference_client import InferenceClient

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Gateway(ThreadingHTTPServer):
    """Answers everything with one JSON document, and keeps the hosts and paths of the requests."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoints(self) -> Endpoints:
        return platforms.endpoints(gateway_url=f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Gateway)
        self.server.hosts.append(self.headers["Host"])
        body = b'{"data": [], "properties": {}, "experiment": {"experiment_id": "0", "name": "Default"}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a proxy at which nothing listens, in every way that is in use."""
    for name in _VARIABLES:
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, "" if name == "no_proxy" else f"http://127.0.0.1:{free_port()}")


def _list_objects(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"accesskey": "YQ==", "secretkey": "cw=="}
    monkeypatch.setattr(cluster_client, "connect", lambda _: None)
    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_secret", lambda *_: SimpleNamespace(data=data))
    object_store.pipelines_store(endpoints).get_object(Bucket="pipelines", Key="key")


CLIENTS: dict[str, Callable[[Endpoints, pytest.MonkeyPatch], object]] = {
    "pipelines": lambda known, _: pipeline_runs._api(known, "GET", "runs/one"),
    "mlflow": lambda known, _: tracking.connect(known).get_experiment("0"),
    "wine-models": lambda known, _: InferenceClient(known, "wine").properties(),
    "objects": _list_objects,
    "prometheus": lambda known, _: Prometheus(known)._get("rules"),
    "fault": lambda known, _: injection._client(known, "fault.plinth.local").get("/"),
    "load": lambda known, _: PlatformAccess(endpoints=known, target=known.gateway_url, model="wine").call(
        "GET", "load.plinth.local", "/"
    ),
}


@pytest.mark.usefixtures("dead_proxy")
@pytest.mark.parametrize("part", CLIENTS)
def test_a_client_of_the_gateway_ignores_the_proxy(
    part: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    CLIENTS[part](gateway.endpoints, monkeypatch)
    assert set(gateway.hosts) == {f"{part}.plinth.local"}


@pytest.mark.usefixtures("dead_proxy")
def test_the_cluster_is_asked_directly(gateway: Gateway) -> None:
    api: Any = client.ApiClient(client.Configuration(host=gateway.endpoints.gateway_url))
    with suppress(ValueError):
        client.CoreV1Api(api).list_namespace()
    assert gateway.hosts


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "10.0.0.7"), ("a,b", "a,b,10.0.0.7"), ("10.0.0.7,b", "10.0.0.7,b"), ("*", "*,10.0.0.7")],
)
def test_the_gateway_joins_the_exemptions_that_are_there(
    before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", before)
    monkeypatch.setenv("NO_PROXY", before)
    exempt_from_proxies("http://10.0.0.7:8080")
    assert os.environ["no_proxy"] == after


def test_a_session_names_its_part(gateway: Gateway) -> None:
    with direct_session("mlflow.plinth.local") as session:
        session.get(gateway.endpoints.gateway_url, timeout=5)
    assert gateway.hosts == ["mlflow.plinth.local"]
