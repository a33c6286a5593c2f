"""InferenceServices of a cluster, through its API."""

from collections.abc import Generator
from pathlib import Path

import pytest
from kubernetes import client

from tests.fixtures.models import SERVED, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.errors import WorkloadsError
from workloads.serving.inference_services import InferenceServices, conditions, is_ready, version_of

PLACE = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices"


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
    assert services.served_version("wine") is None
    services.delete("wine")
    assert services.list() == []
    assert cluster.changes == []


def test_a_refusal_of_the_api_is_not_taken_for_absence(
    cluster: StubCluster, services: InferenceServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "answer", lambda *_: (403, {"kind": "Status", "code": 403}))
    for call in (services.get, services.delete):
        with pytest.raises(client.ApiException, match="403"):
            call("wine")
    with pytest.raises(client.ApiException, match="403"):
        services.create_or_patch(deployed_service("wine"))


def test_the_version_comes_from_the_annotations(cluster: StubCluster, services: InferenceServices) -> None:
    cluster.add(f"{PLACE}/wine", deployed_service("wine"))
    assert services.served_version("wine") == SERVED


def test_a_service_without_annotations_has_no_version() -> None:
    with pytest.raises(WorkloadsError, match="not deployed by a pipeline"):
        version_of({"metadata": {"name": "wine", "annotations": None}})


def test_a_service_is_ready_when_its_condition_says_so() -> None:
    assert is_ready(deployed_service("wine"))
    assert not is_ready(deployed_service("wine", ready=False))
    assert not is_ready({"metadata": {}})
    assert conditions(deployed_service("wine", ready=False)) == {"Ready": "False"}
