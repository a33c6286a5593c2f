"""A pod of a run is not taken for a server's and mounts nothing of one, whatever the pipeline describes."""

from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from infra.parts.pipelines import NAMESPACE
from tests.fixtures.admission_cases import ADMITTED_PODS, REFUSED_PODS, pod
from workloads import cluster_client
from workloads.contract import OBJECT_STORE_SECRET
from workloads.endpoints import Endpoints

_PLATFORM = "app.kubernetes.io/part-of=plinth"


@pytest.fixture(scope="module")
def controller(endpoints: Endpoints) -> Any:
    """The API as the workflow controller calls it: it creates the pods of every run."""
    connected = cluster_client.connect(endpoints.kubeconfig)
    user = f"system:serviceaccount:{NAMESPACE}:argo"
    connected.set_default_header("Impersonate-User", user)
    return client.CoreV1Api(connected)


def create(controller: Any, endpoints: Endpoints, body: Any) -> Any:
    return controller.create_namespaced_pod(endpoints.pipelines_namespace, body, dry_run="All")


@pytest.mark.parametrize(("body", "reason"), REFUSED_PODS)
def test_what_servers_have_is_refused_in_one_line(
    controller: Any, endpoints: Endpoints, body: Any, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        create(controller, endpoints, body)
    assert refused.value.status in {403, 422}
    assert reason in str(refused.value.body)


@pytest.mark.parametrize("body", ADMITTED_PODS)
def test_what_is_a_pipelines_own_is_admitted(controller: Any, endpoints: Endpoints, body: Any) -> None:
    create(controller, endpoints, body)


@pytest.mark.parametrize(
    ("resources", "limit"),
    [({}, "4Gi"), ({"requests": {"memory": "8Gi"}}, "8Gi"), ({"limits": {"memory": "128Mi"}}, "128Mi")],
)
def test_a_step_has_the_limit_that_its_pipeline_sets_or_needs(
    controller: Any, endpoints: Endpoints, resources: dict[str, Any], limit: str
) -> None:
    created = create(controller, endpoints, pod(container={"resources": resources}))
    (main,) = created.spec.containers
    assert main.resources.limits["memory"] == limit
    assert main.resources.limits["ephemeral-storage"] == "20Gi"


def test_nothing_that_a_step_could_mount_belongs_to_a_server(endpoints: Endpoints) -> None:
    core: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    secrets = core.list_namespaced_secret(endpoints.pipelines_namespace, label_selector=_PLATFORM).items
    claims = core.list_namespaced_persistent_volume_claim(
        endpoints.pipelines_namespace, label_selector=_PLATFORM
    ).items
    assert [each.metadata.name for each in secrets] == [OBJECT_STORE_SECRET]
    assert claims == []
