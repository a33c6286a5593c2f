"""InferenceServices of a cluster, through its API."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from kubernetes import client

from tests.fixtures.models import ROUTES, SERVED, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.errors import WorkloadsError
from workloads.serving.inference_services import InferenceServices, conditions, is_ready, version_of


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


@pytest.fixture
def services(cluster: StubCluster) -> InferenceServices:
    return InferenceServices(endpoints(kubeconfig=cluster.kubeconfig))


def test_a_service_is_created_once_and_patched_afterwards(
    cluster: StubCluster, services: InferenceServices
) -> None:
    services.create_or_patch(deployed_service("wine"))
    changed = deployed_service("wine")
    changed["spec"]["predictor"]["minReplicas"] = 2
    services.create_or_patch(changed)
    assert cluster.changes == ["POST inferenceservices/wine", "PATCH inferenceservices/wine"]
    found = services.get("wine")
    assert found is not None
    assert found["spec"]["predictor"]["minReplicas"] == 2
    assert [each["metadata"]["name"] for each in services.list()] == ["wine"]


def test_a_service_that_does_not_exist_is_none_and_may_be_deleted(
    cluster: StubCluster, services: InferenceServices
) -> None:
    assert services.get("wine") is None
    assert services.of_model("wine") is None
    assert services.versions_of("wine") == []
    assert services.weights("wine") == {}
    services.delete("wine")
    assert services.list() == []
    assert cluster.changes == []


def test_a_refusal_of_the_api_is_not_taken_for_absence(
    cluster: StubCluster, services: InferenceServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "answer", lambda *_: (403, {"kind": "Status", "code": 403}))
    for call in (services.get, services.delete, services.weights, services.of_model, services.versions_of):
        with pytest.raises(client.ApiException, match="403"):
            call("wine")
    with pytest.raises(client.ApiException, match="403"):
        services.create_or_patch(deployed_service("wine"))


@pytest.mark.parametrize(
    ("weights", "serves"),
    [
        ({"3": 100}, "wine-v3"),
        ({"3": 75, "4": 25}, "wine-v3"),
        ({"3": 25, "4": 75}, "wine-v4"),
    ],
)
def test_the_service_of_a_model_is_that_of_the_version_with_most_requests(
    cluster: StubCluster, services: InferenceServices, weights: dict[str, int], serves: str
) -> None:
    for name in ("wine-v3", "wine-v4", "wine-v5"):
        cluster.add(f"{SERVICES}/{name}", deployed_service(name))
    cluster.add(f"{ROUTES}/wine-model", deployed_route(weights))
    found = services.of_model("wine")
    assert found is not None
    assert found["metadata"]["name"] == serves
    assert services.weights("wine") == weights


def test_a_model_without_a_route_or_without_its_service_is_not_served(
    cluster: StubCluster, services: InferenceServices
) -> None:
    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
    assert services.of_model("wine") is None
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"4": 100}))
    assert services.of_model("wine") is None
    assert services.of_model("beer") is None


def test_the_versions_of_a_model_are_all_its_services_and_those_of_no_other(
    cluster: StubCluster, services: InferenceServices
) -> None:
    beer = replace(SERVED, model_name="beer")
    for service in (
        deployed_service("wine-v3"),
        deployed_service("wine-v4", replace(SERVED, model_version="4"), ready=False),
        deployed_service("beer-v3", beer),
    ):
        cluster.add(f"{SERVICES}/{service['metadata']['name']}", service)
    assert [each["metadata"]["name"] for each in services.versions_of("wine")] == ["wine-v3", "wine-v4"]
    assert [version_of(each) for each in services.versions_of("beer")] == [beer]


def test_a_service_without_annotations_has_no_version() -> None:
    with pytest.raises(WorkloadsError, match="not deployed by a pipeline"):
        version_of({"metadata": {"name": "wine", "annotations": None}})


def test_a_service_is_ready_when_its_condition_says_so() -> None:
    assert is_ready(deployed_service("wine"))
    assert not is_ready(deployed_service("wine", ready=False))
    assert not is_ready({"metadata": {}})
    assert conditions(deployed_service("wine", ready=False)) == {"Ready": "False"}
