"""Every controller may do what it asks the Kubernetes API for: a missing right is a fault, too."""

from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings.stack import Settings
from tests.fixtures import refusals
from workloads import cluster_client
from workloads.endpoints import Endpoints

_PLATFORM = "app.kubernetes.io/part-of=plinth"


def _refusals(api: Any, pod: Any) -> list[str]:
    found: list[str] = []
    for container in pod.spec.containers:
        try:
            log = api.read_namespaced_pod_log(
                pod.metadata.name, pod.metadata.namespace, container=container.name, _preload_content=False
            )
        except ApiException as error:
            if error.status == 404:
                continue
            raise
        found += refusals.lines(log.data.decode(errors="replace"))
    return found


def test_no_controller_asks_for_what_it_may_not_do(endpoints: Endpoints, settings: Settings) -> None:
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    namespaces = plan(settings, PARTS).closed_namespaces
    pods = [
        pod
        for namespace in namespaces
        for pod in api.list_namespaced_pod(
            namespace, label_selector=_PLATFORM, field_selector="status.phase=Running"
        ).items
        if pod.spec.service_account_name != "default"
    ]
    assert len(pods) > 8, [pod.metadata.name for pod in pods]
    refused = {pod.metadata.name: lines[-3:] for pod in pods if (lines := _refusals(api, pod))}
    assert refused == {}
