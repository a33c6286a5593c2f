"""Faults that tests cause on a running platform, each undone at its end: what an alert is for."""

import secrets
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

import httpx
from kubernetes import client, config

from harness import chain
from workloads import datasets, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.wait import wait_for

_MONITORING = "monitoring"
_RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SERVER = """
import http.server, sys
code, port, body = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("", port), Server).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class FaultCase:
    """A fault, and the alert that it must cause."""

    alert: str
    labels: dict[str, str]
    cause: Callable[[Endpoints], AbstractContextManager[None]]


def _pod(
    endpoints: Endpoints, name: str, labels: dict[str, str], *, code: int, port: int, body: str = ""
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "server",
        "image": endpoints.workload_image,
        "command": ["python3", "-c", _SERVER, str(code), str(port), body],
        "ports": [{"containerPort": port}],
        "securityContext": _RESTRICTED,
    }
    spec = {"containers": [container], "automountServiceAccountToken": False}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


@contextmanager
def _cluster(endpoints: Endpoints) -> Generator[Any]:
    api_client: Any = config.new_client_from_config(endpoints.kubeconfig)
    try:
        yield api_client
    finally:
        api_client.close()


def _running(api: Any, namespace: str, name: str) -> str | None:
    phase: str = api.read_namespaced_pod(name, namespace).status.phase
    return None if phase == "Running" else phase


@contextmanager
def predictor_errors(endpoints: Endpoints) -> Generator[None]:
    """A predictor behind the gateway answers every request with 500, and is asked twice a second."""
    name = f"failing-{secrets.token_hex(2)}"
    namespace = endpoints.models_namespace
    host = f"{name}-{namespace}.{endpoints.gateway_domain}"
    route: dict[str, Any] = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": "traefik", "namespace": "gateway"}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": name, "port": 80}]}],
        },
    }
    place = ("gateway.networking.k8s.io", "v1", namespace, "httproutes")
    with _cluster(endpoints) as api_client:
        api, custom = client.CoreV1Api(api_client), client.CustomObjectsApi(api_client)
        # The network policy of predictors, which lets the gateway in, selects this label.
        labels = {"component": "predictor", "fault": name}
        api.create_namespaced_pod(namespace, _pod(endpoints, name, labels, code=500, port=8080))
        try:
            service = {"selector": {"fault": name}, "ports": [{"port": 80, "targetPort": 8080}]}
            api.create_namespaced_service(namespace, {"metadata": {"name": name}, "spec": service})
            custom.create_namespaced_custom_object(*place, route)
            with _asked(endpoints, host):
                yield
        finally:
            custom.delete_namespaced_custom_object(*place, name)
            api.delete_namespaced_service(name, namespace)
            api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


@contextmanager
def _asked(endpoints: Endpoints, host: str) -> Generator[None]:
    stopped = Event()

    def ask() -> None:
        with httpx.Client(base_url=endpoints.gateway_url, headers={"Host": host}, timeout=10) as asking:
            while not stopped.wait(0.5):
                # An answer that breaks off is as much of a fault as one with 500.
                with suppress(httpx.TransportError):
                    asking.post("/v1/models/failing:predict", json={"instances": [[1.0]]})

    with httpx.Client(base_url=endpoints.gateway_url, headers={"Host": host}, timeout=10) as probe:

        def fails() -> str | None:
            code = probe.get("/").status_code
            return None if code == 500 else f"answers {code}"

        wait_for("the failing predictor", fails, timeout_seconds=120)
    thread = Thread(target=ask, name="requests to the failing predictor")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=30)


@contextmanager
def pending_gpu_pod(endpoints: Endpoints) -> Generator[None]:
    """A pod asks for a GPU that no node has."""
    namespace = f"gpu-{secrets.token_hex(3)}"
    with _cluster(endpoints) as api_client:
        api = client.CoreV1Api(api_client)
        api.create_namespace({"metadata": {"name": namespace}})
        try:
            wait_for("its account", lambda: _account(api, namespace), timeout_seconds=60)
            container = {
                "name": "train",
                "image": endpoints.workload_image,
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
            }
            pod = {"metadata": {"name": "train"}, "spec": {"containers": [container]}}
            api.create_namespaced_pod(namespace, pod)
            yield
        finally:
            api.delete_namespace(namespace)


def _account(api: Any, namespace: str) -> str | None:
    accounts = api.list_namespaced_service_account(namespace).items
    return None if accounts else "no service account yet"


@contextmanager
def full_disk(endpoints: Endpoints) -> Generator[None]:
    """A simulated node tells that its disk is almost full: a real one belongs to whoever runs the test."""
    name = f"full-disk-{secrets.token_hex(2)}"
    labels = {"app.kubernetes.io/name": "node-exporter", "fault": name}
    body = "".join(
        f'node_filesystem_{kind}_bytes{{mountpoint="/full"}} {size}\n'
        for kind, size in (("size", 100), ("avail", 3))
    )
    policy = {
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": {"fault": name}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}]}
            ],
        },
    }
    with _cluster(endpoints) as api_client:
        api, networking = client.CoreV1Api(api_client), client.NetworkingV1Api(api_client)
        networking.create_namespaced_network_policy(_MONITORING, policy)
        try:
            api.create_namespaced_pod(
                _MONITORING, _pod(endpoints, name, labels, code=200, port=9100, body=body)
            )
            wait_for("the simulated node", lambda: _running(api, _MONITORING, name), timeout_seconds=120)
            yield
        finally:
            api.delete_namespaced_pod(name, _MONITORING, grace_period_seconds=0)
            networking.delete_namespaced_network_policy(name, _MONITORING)


@contextmanager
def failing_pipeline(endpoints: Endpoints) -> Generator[None]:
    """A pipeline run fails at its first step: its data are not those it was submitted for."""
    dataset = replace(datasets.prepare(endpoints, "wine", "target"), sha256="0" * 64)
    run_id = pipeline_runs.submit(endpoints, chain.PIPELINE, pipeline_runs.parameters(dataset))
    run = chain.ended(endpoints, run_id)
    if run.state != "FAILED":
        raise WorkloadsError(f"pipeline run {run_id}: {run.state} where FAILED was due: {run.reason}")
    yield


def _scaled(endpoints: Endpoints, namespace: str, name: str, replicas: int) -> None:
    with _cluster(endpoints) as api_client:
        body = {"spec": {"replicas": replicas}}
        client.AppsV1Api(api_client).patch_namespaced_deployment_scale(name, namespace, body)


def _available(endpoints: Endpoints, namespace: str, name: str) -> str | None:
    with _cluster(endpoints) as api_client:
        apps: Any = client.AppsV1Api(api_client)
        status = apps.read_namespaced_deployment_status(name, namespace).status
    return None if status.available_replicas else f"{namespace}/{name} has no available pod"


def stopped(namespace: str, name: str) -> Callable[[Endpoints], AbstractContextManager[None]]:
    """Return a fault that stops a Deployment."""

    @contextmanager
    def cause(endpoints: Endpoints) -> Generator[None]:
        _scaled(endpoints, namespace, name, 0)
        try:
            yield
        finally:
            _scaled(endpoints, namespace, name, 1)
            wait_for(name, lambda: _available(endpoints, namespace, name), timeout_seconds=180)

    return cause


@contextmanager
def database_down(endpoints: Endpoints) -> Generator[None]:
    """The operator puts MLflow's database to sleep: its pod goes, its volume stays."""
    place = ("postgresql.cnpg.io", "v1", "databases", "clusters", "postgres")

    def hibernate(state: str) -> None:
        with _cluster(endpoints) as api_client:
            # The client sends a merge patch, whatever the body is.
            body = {"metadata": {"annotations": {"cnpg.io/hibernation": state}}}
            client.CustomObjectsApi(api_client).patch_namespaced_custom_object(*place, body)

    def ready() -> str | None:
        with _cluster(endpoints) as api_client:
            found: Any = client.CustomObjectsApi(api_client).get_namespaced_custom_object(*place)
        return None if found["status"].get("readyInstances") else "no instance is ready"

    hibernate("on")
    try:
        yield
    finally:
        hibernate("off")
        wait_for("the database", ready, timeout_seconds=240)


# Faults of one wave do not disturb each other; those of the second would end the first's pipeline.
WAVES: tuple[dict[str, FaultCase], ...] = (
    {
        "predictor errors": FaultCase(alert="ServingErrorBudgetFastBurn", labels={}, cause=predictor_errors),
        "pending GPU pod": FaultCase(alert="GpuPodsPending", labels={"pod": "train"}, cause=pending_gpu_pod),
        "disk filling": FaultCase(alert="NodeDiskFilling", labels={"mountpoint": "/full"}, cause=full_disk),
        "pipeline failing": FaultCase(alert="PipelineRunsFailing", labels={}, cause=failing_pipeline),
    },
    {
        "database down": FaultCase(alert="TrackingDatabaseDown", labels={}, cause=database_down),
        "object store stopped": FaultCase(
            alert="ObjectStoreDown", labels={}, cause=stopped("object-store", "object-store")
        ),
        "KServe controller stopped": FaultCase(
            alert="ServingControllerDown",
            labels={},
            cause=stopped("kserve", "kserve-controller-manager"),
        ),
    },
)
