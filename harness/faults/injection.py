"""Faults that tests inject into a running platform and undo afterwards; each must fire an alert."""

import secrets
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

import httpx
from kubernetes import client

from harness import chain
from harness.faults import manifests
from workloads import cluster_client, datasets
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import headers, reach, tls_context
from workloads.wait import wait_for

_MONITORING = "monitoring"


@dataclass(frozen=True, kw_only=True)
class FaultCase:
    """A fault, and the alert that it must fire."""

    alert: str
    labels: dict[str, str]
    inject: Callable[[Endpoints], AbstractContextManager[None]]


@contextmanager
def _cluster(endpoints: Endpoints) -> Generator[Any]:
    api_client: Any = cluster_client.connect(endpoints.kubeconfig)
    try:
        yield api_client
    finally:
        api_client.close()


def _not_running(api: Any, namespace: str, name: str) -> str | None:
    phase: str = api.read_namespaced_pod(name, namespace).status.phase
    return None if phase == "Running" else phase


@contextmanager
def predictor_errors(endpoints: Endpoints) -> Generator[None]:
    """Run a predictor that answers every request with 500, and send two requests a second to it."""
    name = f"failing-{secrets.token_hex(2)}"
    namespace = endpoints.models_namespace
    host = endpoints.model_host(name)
    place = ("gateway.networking.k8s.io", "v1", namespace, "httproutes")
    with _cluster(endpoints) as api_client:
        api, custom = client.CoreV1Api(api_client), client.CustomObjectsApi(api_client)
        # The network policy of predictors, which admits the gateway, selects the label component.
        labels = {"component": "predictor", "fault": name}
        pod = manifests.server_pod(name, labels, endpoints.workload_image, code=500, port=8080)
        api.create_namespaced_pod(namespace, pod)
        try:
            service = {"selector": {"fault": name}, "ports": [{"port": 80, "targetPort": 8080}]}
            api.create_namespaced_service(namespace, {"metadata": {"name": name}, "spec": service})
            custom.create_namespaced_custom_object(*place, manifests.route(name, host))
            with _steady_requests(endpoints, host):
                yield
        finally:
            custom.delete_namespaced_custom_object(*place, name)
            api.delete_namespaced_service(name, namespace)
            api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def _client(endpoints: Endpoints, host: str) -> httpx.Client:
    # Directly, as all clients of the gateway (workloads/gateway_access.py).
    return httpx.Client(
        base_url=reach(endpoints, host),
        headers=headers(endpoints, host),
        verify=tls_context(endpoints),
        timeout=10,
        trust_env=False,
    )


@contextmanager
def _steady_requests(endpoints: Endpoints, host: str) -> Generator[None]:
    """Send requests to a failing host until the end."""
    stopped = Event()

    def send() -> None:
        with _client(endpoints, host) as caller:
            while not stopped.wait(0.5):
                # A broken connection is as much of a fault as a 500.
                with suppress(httpx.TransportError):
                    caller.post("/v1/models/failing:predict", json={"instances": [[1.0]]})

    with _client(endpoints, host) as probe:

        def fails() -> str | None:
            code = probe.get("/").status_code
            return None if code == 500 else f"answers {code}"

        wait_for("the failing predictor", fails, timeout_seconds=120)
    thread = Thread(target=send, name="requests to the failing predictor")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=30)


@contextmanager
def pending_gpu_pod(endpoints: Endpoints) -> Generator[None]:
    """Create a pod that requests a GPU that no node has."""
    namespace = f"gpu-{secrets.token_hex(3)}"
    with _cluster(endpoints) as api_client:
        api = client.CoreV1Api(api_client)
        api.create_namespace({"metadata": {"name": namespace}})
        try:
            wait_for("the service account", lambda: _no_account(api, namespace), timeout_seconds=60)
            api.create_namespaced_pod(namespace, manifests.gpu_pod("train", endpoints.workload_image))
            yield
        finally:
            api.delete_namespace(namespace)


def _no_account(api: Any, namespace: str) -> str | None:
    accounts = api.list_namespaced_service_account(namespace).items
    return None if accounts else "no service account yet"


@contextmanager
def full_disk(endpoints: Endpoints) -> Generator[None]:
    """Run a simulated node exporter that reports a nearly full disk; the machine's own disk is left alone."""
    name = f"full-disk-{secrets.token_hex(2)}"
    labels = {"app.kubernetes.io/name": "node-exporter", "fault": name}
    body = manifests.filesystem_metrics("/full", size=100, available=3)
    pod = manifests.server_pod(name, labels, endpoints.workload_image, code=200, port=9100, body=body)
    with _cluster(endpoints) as api_client:
        api, networking = client.CoreV1Api(api_client), client.NetworkingV1Api(api_client)
        policy = manifests.scrape_policy(name, {"fault": name})
        networking.create_namespaced_network_policy(_MONITORING, policy)
        try:
            api.create_namespaced_pod(_MONITORING, pod)
            wait_for("the simulated node", lambda: _not_running(api, _MONITORING, name), timeout_seconds=120)
            yield
        finally:
            api.delete_namespaced_pod(name, _MONITORING, grace_period_seconds=0)
            networking.delete_namespaced_network_policy(name, _MONITORING)


@contextmanager
def failing_pipeline(endpoints: Endpoints) -> Generator[None]:
    """Run a pipeline that fails at its first step, because its data do not have the expected SHA-256."""
    dataset = replace(datasets.prepare(endpoints, "wine", "target"), sha256="0" * 64)
    run = chain.wait_until_finished(endpoints, chain.submit(endpoints, dataset))
    if run.state != "FAILED":
        raise WorkloadsError(f"pipeline run {run.run_id}: {run.state} instead of FAILED: {run.reason}")
    yield


def _scale(endpoints: Endpoints, namespace: str, name: str, replicas: int) -> None:
    with _cluster(endpoints) as api_client:
        body = {"spec": {"replicas": replicas}}
        client.AppsV1Api(api_client).patch_namespaced_deployment_scale(name, namespace, body)


def _unavailable(endpoints: Endpoints, namespace: str, name: str) -> str | None:
    with _cluster(endpoints) as api_client:
        apps: Any = client.AppsV1Api(api_client)
        status = apps.read_namespaced_deployment_status(name, namespace).status
    return None if status.available_replicas else f"{namespace}/{name} has no available pod"


def scale_to_zero(namespace: str, name: str) -> Callable[[Endpoints], AbstractContextManager[None]]:
    """Return a fault that scales a Deployment to zero."""

    @contextmanager
    def inject(endpoints: Endpoints) -> Generator[None]:
        _scale(endpoints, namespace, name, 0)
        try:
            yield
        finally:
            _scale(endpoints, namespace, name, 1)
            wait_for(name, lambda: _unavailable(endpoints, namespace, name), timeout_seconds=180)

    return inject


@contextmanager
def database_down(endpoints: Endpoints) -> Generator[None]:
    """Hibernate MLflow's database: the operator deletes its pod and keeps its volume."""
    place = ("postgresql.cnpg.io", "v1", "databases", "clusters", "postgres")

    def hibernate(state: str) -> None:
        with _cluster(endpoints) as api_client:
            # The client sends a merge patch, whatever the body is.
            body = {"metadata": {"annotations": {"cnpg.io/hibernation": state}}}
            client.CustomObjectsApi(api_client).patch_namespaced_custom_object(*place, body)

    def unready() -> str | None:
        with _cluster(endpoints) as api_client:
            database: Any = client.CustomObjectsApi(api_client).get_namespaced_custom_object(*place)
        return None if database["status"].get("readyInstances") else "no instance is ready"

    hibernate("on")
    try:
        yield
    finally:
        hibernate("off")
        wait_for("the database", unready, timeout_seconds=240)


@contextmanager
def metrics_down(endpoints: Endpoints) -> Generator[None]:
    """Run no Prometheus: its operator ends the pod and keeps the volume."""
    place = ("monitoring.coreos.com", "v1", _MONITORING, "prometheuses", "monitoring-prometheus")

    def scale(replicas: int) -> None:
        with _cluster(endpoints) as api_client:
            body = {"spec": {"replicas": replicas}}
            client.CustomObjectsApi(api_client).patch_namespaced_custom_object(*place, body)

    def counted() -> int:
        with _cluster(endpoints) as api_client:
            server: Any = client.CustomObjectsApi(api_client).get_namespaced_custom_object(*place)
        return int(server["status"].get("availableReplicas", 0))

    scale(0)
    try:
        wait_for("Prometheus to end", lambda: "it runs" if counted() else None, timeout_seconds=120)
        yield
    finally:
        scale(1)
        wait_for("Prometheus", lambda: None if counted() else "not available", timeout_seconds=240)


# Faults of one wave do not affect each other; those of the second would end the first's pipeline.
WAVES: tuple[dict[str, FaultCase], ...] = (
    {
        "predictor errors": FaultCase(alert="ServingErrorBudgetFastBurn", labels={}, inject=predictor_errors),
        "pending GPU pod": FaultCase(alert="GpuPodsPending", labels={"pod": "train"}, inject=pending_gpu_pod),
        "disk filling": FaultCase(alert="NodeDiskFilling", labels={"mountpoint": "/full"}, inject=full_disk),
        "pipeline failing": FaultCase(alert="PipelineRunsFailing", labels={}, inject=failing_pipeline),
    },
    {
        "database down": FaultCase(alert="TrackingDatabaseDown", labels={}, inject=database_down),
        "object store stopped": FaultCase(
            alert="ObjectStoreDown", labels={}, inject=scale_to_zero("object-store", "object-store")
        ),
        "KServe controller stopped": FaultCase(
            alert="ServingControllerDown",
            labels={},
            inject=scale_to_zero("kserve", "kserve-controller-manager"),
        ),
    },
)
