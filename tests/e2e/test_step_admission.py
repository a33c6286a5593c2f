"""A pod of a run gets nothing of the servers that share its namespace, whatever the pipeline describes."""

from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from workloads import cluster_client
from workloads.contract import OBJECT_STORE_SECRET
from workloads.endpoints import Endpoints

_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def controller(endpoints: Endpoints) -> Any:
    """The API as the workflow controller calls it: it creates the pods of every run."""
    connected = cluster_client.connect(endpoints.kubeconfig)
    user = f"system:serviceaccount:{endpoints.pipelines_namespace}:argo"
    connected.set_default_header("Impersonate-User", user)
    return client.CoreV1Api(connected)


def pod(*, labels: dict[str, str] | None = None, container: dict[str, Any] | None = None, **spec: Any) -> Any:
    main = {"name": "main", "image": "python:3.11", "securityContext": _RESTRICTED, **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "step-", "labels": labels or {}},
        "spec": {"serviceAccountName": "pipeline-runner", "containers": [main], **spec},
    }


def secret(name: str) -> list[dict[str, Any]]:
    return [{"name": "stolen", "secret": {"secretName": name}}]


def claim(name: str) -> list[dict[str, Any]]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]


def variable(name: str) -> dict[str, Any]:
    return {"env": [{"name": "STOLEN", "valueFrom": {"secretKeyRef": {"name": name, "key": "x"}}}]}


def create(controller: Any, endpoints: Endpoints, body: Any) -> None:
    controller.create_namespaced_pod(endpoints.pipelines_namespace, body, dry_run="All")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (pod(serviceAccountName="argo"), "a step runs as pipeline-runner, not as argo"),
        (pod(serviceAccountName="default"), "a step runs as pipeline-runner, not as default"),
        (pod(labels={"app.kubernetes.io/name": "kubeflow-pipelines"}), "give the step others"),
        (pod(priorityClassName="workflow-controller"), "a step has no priority class"),
        (pod(nodeName="plinth-default"), "use a node selector"),
        (pod(volumes=secret("mysql-init")), "Secrets of the platform's servers"),
        (
            pod(volumes=[{"name": "p", "projected": {"sources": [{"secret": {"name": "mysql-init"}}]}}]),
            "Secrets of the platform's servers",
        ),
        (pod(container=variable("pipelines-database")), "Secrets of the platform's servers"),
        (
            pod(container={"envFrom": [{"secretRef": {"name": "metadata-database"}}]}),
            "Secrets of the platform's servers",
        ),
        (
            pod(
                initContainers=[
                    {
                        "name": "first",
                        "image": "python:3.11",
                        "securityContext": _RESTRICTED,
                        **variable("mysql-init"),
                    }
                ]
            ),
            "Secrets of the platform's servers",
        ),
        (pod(volumes=claim("mysql")), "volumes of the platform's servers"),
    ],
)
def test_what_servers_have_is_refused_in_one_line(
    controller: Any, endpoints: Endpoints, body: Any, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        create(controller, endpoints, body)
    assert refused.value.status in {403, 422}
    assert reason in str(refused.value.body)


@pytest.mark.parametrize(
    "body",
    [
        pod(),
        pod(labels={"team": "research"}),
        pod(volumes=secret(OBJECT_STORE_SECRET)),
        pod(volumes=secret("somebodys-token"), container=variable("somebodys-key")),
        pod(volumes=claim("somebodys-data")),
    ],
)
def test_what_is_a_pipelines_own_is_admitted(controller: Any, endpoints: Endpoints, body: Any) -> None:
    create(controller, endpoints, body)
