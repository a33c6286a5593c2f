"""Faults on a cluster: injected for the time of a test, and undone however that ends."""

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness import chain
from harness.faults import injection
from tests.fixtures import watches
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import datasets, pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import PipelineRun
from workloads.wait import wait_for

CONTROLLER = "/apis/apps/v1/namespaces/kserve/deployments/kserve-controller-manager"
SERVER = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheuses/monitoring-prometheus"
DATABASE = "/apis/postgresql.cnpg.io/v1/namespaces/databases/clusters/postgres"


class Gateway(BaseHTTPRequestHandler):
    """A gateway behind which every request fails."""

    hosts: ClassVar[list[str]] = []

    def _fail(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hosts.append(f"{self.command} {self.headers['Host']}")
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _fail  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


@pytest.fixture
def platform(cluster: StubCluster) -> Generator[Endpoints]:
    Gateway.hosts.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield endpoints(kubeconfig=cluster.kubeconfig, gateway_url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


def broken_off(fault: AbstractContextManager[None]) -> None:
    """Let a test fail while a fault is injected."""
    with pytest.raises(RuntimeError, match="the test failed"), fault:
        raise RuntimeError("the test failed")


def test_a_predictor_fails_behind_the_gateway_and_receives_requests(
    cluster: StubCluster, platform: Endpoints
) -> None:
    with injection.predictor_errors(platform):
        ((name, route),) = cluster.named("httproutes").items()
        assert (set(cluster.named("pods")), set(cluster.named("services"))) == ({name}, {name})
        host = platform.model_host(name)
        assert route["spec"]["hostnames"] == [host]
        wait_for(
            "requests",
            lambda: None if f"POST {host}" in Gateway.hosts else "none yet",
            timeout_seconds=20,
            interval_seconds=0.05,
        )
    assert cluster.objects == {}
    broken_off(injection.predictor_errors(platform))
    assert cluster.objects == {}


def test_the_pod_that_waits_for_a_gpu_is_deleted_with_its_namespace(
    cluster: StubCluster, platform: Endpoints
) -> None:
    def add_account(path: str, _: Any) -> None:
        if path.split("/")[-2] == "namespaces":
            account = {"metadata": {"name": "default"}}
            cluster.objects[f"{path}/serviceaccounts/default"] = account

    cluster.on_create = add_account
    with injection.pending_gpu_pod(platform):
        assert set(cluster.named("pods")) == {"train"}
    assert cluster.named("namespaces") == {}
    broken_off(injection.pending_gpu_pod(platform))
    assert cluster.named("namespaces") == {}


def test_the_full_disk_is_that_of_a_simulated_node(cluster: StubCluster, platform: Endpoints) -> None:
    with injection.full_disk(platform):
        ((name, pod),) = cluster.named("pods").items()
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "node-exporter"
        assert set(cluster.named("networkpolicies")) == {name}
    assert cluster.objects == {}
    broken_off(injection.full_disk(platform))
    assert cluster.objects == {}


def test_a_stopped_deployment_is_scaled_back_up(cluster: StubCluster, platform: Endpoints) -> None:
    status = {"availableReplicas": 1}
    cluster.add(CONTROLLER, {"metadata": {"name": "x"}, "spec": {"replicas": 1}, "status": status})
    # The client checks what it reads: a Deployment has a selector and a template.
    cluster.objects[CONTROLLER]["spec"] |= {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}},
    }
    fault = injection.scale_to_zero("kserve", "kserve-controller-manager")
    with fault(platform):
        assert cluster.objects[CONTROLLER]["spec"]["replicas"] == 0
    assert cluster.objects[CONTROLLER]["spec"]["replicas"] == 1
    broken_off(fault(platform))
    assert cluster.objects[CONTROLLER]["spec"]["replicas"] == 1


def test_the_database_hibernates_and_wakes_up_again(cluster: StubCluster, platform: Endpoints) -> None:
    cluster.add(DATABASE, {"metadata": {"name": "postgres"}, "status": {"readyInstances": 1}})

    def hibernation() -> str:
        return cluster.objects[DATABASE]["metadata"]["annotations"]["cnpg.io/hibernation"]

    with injection.database_down(platform):
        assert hibernation() == "on"
    assert hibernation() == "off"
    broken_off(injection.database_down(platform))
    assert hibernation() == "off"


def test_prometheus_ends_and_comes_back(cluster: StubCluster, platform: Endpoints) -> None:
    cluster.add(
        SERVER,
        {
            "metadata": {"name": "monitoring-prometheus"},
            "spec": {"replicas": 1},
            "status": {"availableReplicas": 1},
        },
    )
    stored = cluster.objects[SERVER]

    def follow() -> None:
        # As its operator: status follows what is asked for.
        while not ended.wait(0.02):
            stored["status"]["availableReplicas"] = stored["spec"]["replicas"]

    ended = threading.Event()
    operator = threading.Thread(target=follow)
    operator.start()
    try:
        with injection.metrics_down(platform):
            assert stored["status"]["availableReplicas"] == 0
        assert stored["status"]["availableReplicas"] == 1
        broken_off(injection.metrics_down(platform))
        assert stored["spec"]["replicas"] == 1
    finally:
        ended.set()
        operator.join()


@pytest.mark.parametrize("state", ["FAILED", "SUCCEEDED"])
def test_a_pipeline_fails_because_its_data_changed(
    platform: Endpoints, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    submitted: list[dict[str, Any]] = []
    run = PipelineRun(run_id="p1", state=state, reason="", seconds=1, steps=())

    def submit(_: Any, __: str, arguments: dict[str, Any]) -> str:
        submitted.append(arguments)
        return "p1"

    dataset = Dataset(data="wine", sha256="a" * 64, target="target")
    monkeypatch.setattr(datasets, "prepare", lambda *_: dataset)
    monkeypatch.setattr(pipeline_runs, "submit", submit)
    monkeypatch.setattr(chain, "wait_until_finished", lambda *_: run)
    if state == "FAILED":
        with injection.failing_pipeline(platform):
            assert submitted[0]["data_sha256"] == "0" * 64
    else:
        with (
            pytest.raises(WorkloadsError, match="p1: SUCCEEDED instead of FAILED"),
            injection.failing_pipeline(platform),
        ):
            pass


def test_every_fault_fires_an_alert_that_the_local_stack_has() -> None:
    faults = [case for wave in injection.WAVES for case in wave.values()]
    assert {case.alert for case in faults} <= watches.alerts().keys()
    assert len({case.alert for case in faults}) == len(faults)
