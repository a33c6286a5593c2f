"""A workflow that is reported before its run is stored is kept (kubeflow/pipelines#6189)."""

import uuid
from collections.abc import Generator
from typing import Any

import pytest
from kubernetes import client

from infra.parts.pipelines import NAMESPACE
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait

_KIND = ("argoproj.io", "v1alpha1")


@pytest.fixture
def objects(endpoints: Endpoints) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))


@pytest.fixture
def run_id(endpoints: Endpoints, objects: client.CustomObjectsApi) -> Generator[str]:
    """A suspended workflow of a run that the API server has not stored: its state between its two writes."""
    identity, namespace = str(uuid.uuid4()), endpoints.pipelines_namespace
    body = {
        "apiVersion": "/".join(_KIND),
        "kind": "Workflow",
        "metadata": {"name": identity, "labels": {"pipeline/runid": identity}},
        "spec": {"suspend": True, "entrypoint": "none", "templates": [{"name": "none", "suspend": {}}]},
    }
    objects.create_namespaced_custom_object(*_KIND, namespace, "workflows", body)
    try:
        yield identity
    finally:
        objects.delete_namespaced_custom_object(*_KIND, namespace, "workflows", identity)


def test_a_workflow_reported_before_its_run_is_stored_is_kept(
    endpoints: Endpoints, objects: client.CustomObjectsApi, run_id: str
) -> None:
    core = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    servers = "app.kubernetes.io/name=kubeflow-pipelines,app.kubernetes.io/component=api-server"
    names = [pod.metadata.name for pod in core.list_namespaced_pod(NAMESPACE, label_selector=servers).items]

    def reports() -> list[str]:
        logs = [core.read_namespaced_pod_log(name, NAMESPACE, since_seconds=120) for name in names]
        return [line for log in logs for line in log.splitlines() if run_id in line and "stored" in line]

    # The agent reports again and again: the second report comes after whatever the first one led to.
    wait("two reports of the workflow", reports, ready=lambda lines: len(lines) > 1, timeout_seconds=60)
    kept: Any = objects.get_namespaced_custom_object(
        *_KIND, endpoints.pipelines_namespace, "workflows", run_id
    )
    assert "deletionTimestamp" not in kept["metadata"]
    assert kept["spec"]["suspend"] is True
