"""The round over serving versions, on a cluster that stores objects and pods that answer over HTTP."""

import json
import logging
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery.monitoring import drift_watch
from delivery.monitoring.drift_watch import DriftWatch
from delivery.monitoring.limits import DriftLimits
from delivery.rollouts.cluster import Cluster
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from tests.unit.delivery.monitoring.counted import EVEN, SHIFTED, bins
from tests.unit.delivery.monitoring.test_exposition import samples
from workloads import cluster_client
from workloads.serving import model_route

LIMITS = DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03)


@dataclass
class Pods:
    """Pods by name, and what each answers."""

    cluster: StubCluster
    port: int
    bodies: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])

    def answer(self, name: str, body: Any, status: int = 200) -> None:
        """Let a pod answer with this from now on."""
        self.bodies[name] = (status, body if isinstance(body, bytes) else json.dumps(body).encode())

    def route(self, model_name: str, namespace: str = "models", **weights: int) -> None:
        """Give versions of a model these shares, and a pod each."""
        shares = {name.removeprefix("v"): weight for name, weight in weights.items()}
        gateway = {"name": "traefik", "namespace": "gateway"}
        route = model_route.route(namespace, f"{model_name}.test", gateway, model_name, shares)
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{model_name}-model"
        self.cluster.add(path, route)
        for version in shares:
            service = f"{model_name}-v{version}"
            labels = {"serving.kserve.io/inferenceservice": service}
            metadata = {"name": service, "uid": service, "labels": labels}
            status = {"podIP": f"127.0.0.1:{self.port}/{service}"}
            self.cluster.add(
                f"/api/v1/namespaces/{namespace}/pods/{service}", {"metadata": metadata, "status": status}
            )


@pytest.fixture
def pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Pods]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.bodies.get(self.path.split("/")[1], (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with stub_cluster(tmp_path) as cluster, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Pods(cluster, server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(drift_watch, "URL", "http://{address}/bins")
        yield made
        server.shutdown()


def watch(pods: Pods, *namespaces: str) -> DriftWatch:
    api = cluster_client.connect(str(pods.cluster.kubeconfig))
    return DriftWatch(namespaces or ("models",), LIMITS, Cluster(api))


def test_versions_that_serve_are_compared_each_with_its_own_training(pods: Pods) -> None:
    pods.route("wine", v1=95, v2=5, v3=0)
    found = watch(pods)
    for each in range(21):
        pods.answer("wine-v1", bins(SHIFTED, each))
        pods.answer("wine-v2", {"start": "s", "reference": None, "variables": {}})
        found.round()
    lines = found.text.splitlines()
    labels = 'namespace="models",model_name="wine",version='
    assert f'plinth_drift_alarm{{{labels}"1",variable="feature/a"}} 1' in lines
    assert f'plinth_drift_without_reference{{{labels}"2"}} 1' in lines
    assert f'plinth_drift_window_rows{{{labels}"1"}} 0' in lines
    assert 'version="3"' not in found.text


def test_a_new_version_begins_anew(pods: Pods) -> None:
    pods.route("wine", v1=100)
    found = watch(pods)
    for each in range(21):
        pods.answer("wine-v1", bins(SHIFTED, each))
        found.round()
    assert samples(found.text)[("plinth_drift_alarm", "wine", "feature/a")] == 1
    pods.route("wine", v2=100)
    for each in range(8):
        pods.answer("wine-v2", bins(EVEN, each))
        found.round()
    assert samples(found.text) == {
        ("plinth_drift_window_rows", "wine", ""): 700,
        ("plinth_drift_without_reference", "wine", ""): 0,
    }


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(200, b"{", "Expecting property name", id="no JSON"),
        pytest.param(200, b"[]", "not the counts of a predictor", id="other JSON"),
        pytest.param(302, b"", "status 302", id="elsewhere"),
        pytest.param(200, b" " * (2 * 1024 * 1024 + 1), "more than 2097152 bytes", id="too long"),
    ],
)
def test_a_pod_that_cannot_be_read_holds_up_no_other_model_and_is_logged_once(
    pods: Pods, caplog: pytest.LogCaptureFixture, status: int, body: bytes, says: str
) -> None:
    pods.route("bad", v1=100)
    pods.route("wine", v1=100)
    pods.answer("bad-v1", body, status)
    found = watch(pods)
    with caplog.at_level(logging.WARNING, "delivery"):
        for each in range(3):
            pods.answer("wine-v1", bins(EVEN, each))
            found.round()
    assert samples(found.text)[("plinth_drift_window_rows", "wine", "")] == 200
    (line,) = [each.message for each in caplog.records]
    assert line.startswith(f"drift of version 1 of bad in models: not every pod was read ({says}")


def test_a_namespace_that_cannot_be_listed_keeps_what_is_known(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods.route("wine", v1=100)
    pods.route("wine", namespace="research", v1=100)
    found = watch(pods, "models", "research")
    for each in range(2):
        pods.answer("wine-v1", bins(EVEN, each))
        found.round()
    routes = Cluster.routes

    def failing(self: Cluster, namespace: str) -> Any:
        if namespace == "models":
            raise OSError
        return routes(self, namespace)

    monkeypatch.setattr(Cluster, "routes", failing)
    pods.answer("wine-v1", bins(EVEN, 2))
    found.round()
    rows = [each for each in found.text.splitlines() if each.startswith("plinth_drift_window_rows")]
    assert [each.rpartition(" ")[2] for each in rows] == ["200", "200"]


def test_a_round_that_fails_is_left_out_and_the_next_one_comes(
    pods: Pods, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()
    rounds: list[int] = []

    def failing(self: DriftWatch) -> None:
        rounds.append(1)
        if len(rounds) == 2:
            ended.set()
        raise OSError

    monkeypatch.setattr(DriftWatch, "round", failing)
    monkeypatch.setattr(DriftWatch, "interval", 0)
    watch(pods).run(ended)
    assert len(rounds) == 2
    assert "drift: this round was left out" in caplog.text
