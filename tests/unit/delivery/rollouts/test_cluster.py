"""Objects of the API as the controller reads and writes them."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from delivery.rollouts.cluster import Cluster
from delivery.version import Version
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import cluster_client
from workloads.serving import model_route

_SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices"
_GATEWAY = {"name": "traefik", "namespace": "gateway"}


@pytest.fixture
def stub(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


@pytest.fixture
def cluster(stub: StubCluster) -> Cluster:
    return Cluster(cluster_client.connect(str(stub.kubeconfig)))


def _service(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def test_versions_of_models_are_told_from_services_of_others(stub: StubCluster, cluster: Cluster) -> None:
    stub.add(f"{_SERVICES}/wine-v1", _service("wine-v1", **{"plinth.dev/model-name": "wine"}))
    stub.add(f"{_SERVICES}/iris", _service("iris"))
    assert [*cluster.versions("models")] == ["wine-v1"]


def test_only_routes_of_the_controller_are_its_own(stub: StubCluster, cluster: Cluster) -> None:
    cluster.create_route("models", model_route.route("models", "wine.test", _GATEWAY, "wine", {"1": 100}))
    stub.add(
        "/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes/wine-v1",
        {"metadata": {"name": "wine-v1", "labels": {"plinth.dev/model-name": "wine"}}},
    )
    assert [*cluster.routes("models")] == ["wine"]
    changed = model_route.route("models", "wine.test", _GATEWAY, "wine", {"1": 95, "2": 5})
    cluster.replace_route("models", changed)
    assert model_route.weights(cluster.routes("models")["wine"], "wine") == {"1": 95, "2": 5}
    cluster.delete_route("models", "wine")
    assert cluster.routes("models") == {}


def test_versions_that_serve_are_those_with_a_share_of_requests(cluster: Cluster) -> None:
    shares = {"1": 95, "2": 5, "3": 0}
    cluster.create_route("models", model_route.route("models", "wine.test", _GATEWAY, "wine", shares))
    assert cluster.serving("models") == [
        Version(namespace="models", model_name="wine", number=each) for each in "12"
    ]
    assert cluster.serving("research") == []


def test_what_is_gone_already_is_no_error(stub: StubCluster, cluster: Cluster) -> None:
    cluster.delete_version("models", "wine", "1")
    cluster.delete_route("models", "wine")
    cluster.delete_rollout("models", "wine-v1-x")
    cluster.delete_unversioned("models", "wine")
    cluster.write_status("models", "wine-v1-x", {"phase": "Pending"})
    assert stub.changes == []


def test_pods_without_an_address_are_left_out(stub: StubCluster, cluster: Cluster) -> None:
    for name, address in (("one", "10.0.0.1"), ("two", None)):
        stub.add(
            f"/api/v1/namespaces/gateway/pods/{name}",
            {
                "metadata": {"name": name, "uid": f"uid-{name}", "labels": {"app": "traefik"}},
                "status": {"podIP": address},
            },
        )
    assert cluster.pods("gateway", "app=traefik") == {"uid-one": "10.0.0.1"}
