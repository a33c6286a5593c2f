"""A webhook receiver for tests: a pod that Alertmanager notifies of every alert and that logs them."""

import json
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from components.monitoring.alertmanager import RECEIVER
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

_NAME = "receiver"
_PORT = 8080
_ALERTMANAGER = "app.kubernetes.io/name=alertmanager"
_GROUP, _VERSION, _PLURAL = "monitoring.coreos.com", "v1alpha1", "alertmanagerconfigs"
# One line per alert: a pod needs no volume for its log. Each line is one write, because notifications arrive
# on several threads, and the separate line break of `print` could follow another thread's line.
PROGRAM = """
import http.server, json, os, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            line = json.dumps({"status": alert["status"], "labels": alert["labels"]})
            os.write(1, f"{line}\\n".encode())
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A notification that an alert fires or is resolved."""

    status: str
    labels: dict[str, str]

    def matches(self, alert: str, labels: dict[str, str]) -> bool:
        """Return whether it is about this alert, with at least these labels."""
        return self.labels.items() >= {"alertname": alert, **labels}.items()


def parse(log: str) -> list[Notification]:
    """Parse a receiver's log into notifications, in order; its last line may be incomplete."""
    whole = [line for line in log.splitlines(keepends=True) if line.endswith("\n")]
    lines = [json.loads(line) for line in whole if line.startswith("{")]
    return [Notification(status=each["status"], labels=each["labels"]) for each in lines]


class AlertReceiver:
    """A running receiver."""

    def __init__(self, api: Any, namespace: str) -> None:
        """Read the notifications of the receiver in a namespace."""
        self._api = api
        self._namespace = namespace

    def notifications(self) -> list[Notification]:
        """Return all notifications so far, in order."""
        log = self._api.read_namespaced_pod_log(_NAME, self._namespace, _preload_content=False)
        return parse(log.data.decode())

    def last_status(self, alert: str, labels: dict[str, str]) -> str | None:
        """Return the status in the last notification of an alert, `firing` or `resolved`; else None."""
        statuses = [each.status for each in self.notifications() if each.matches(alert, labels)]
        return statuses[-1] if statuses else None


@contextmanager
def receiving(endpoints: Endpoints, monitoring_namespace: str) -> Generator[AlertReceiver]:
    """Run a receiver, route every alert to it, and remove both afterwards."""
    api_client: Any = cluster_client.connect(endpoints.kubeconfig)
    api, custom = client.CoreV1Api(api_client), client.CustomObjectsApi(api_client)
    namespace = f"alert-receiver-{secrets.token_hex(3)}"
    api.create_namespace({"metadata": {"name": namespace}})
    try:
        wait_for("the service account", lambda: _no_account(api, namespace), timeout_seconds=60)
        container = {
            "name": _NAME,
            "image": endpoints.workload_image,
            "command": ["python3", "-c", PROGRAM, str(_PORT)],
        }
        metadata = {"name": _NAME, "labels": RECEIVER}
        api.create_namespaced_pod(namespace, {"metadata": metadata, "spec": {"containers": [container]}})
        service = {"selector": RECEIVER, "ports": [{"port": _PORT, "targetPort": _PORT}]}
        api.create_namespaced_service(namespace, {"metadata": metadata, "spec": service})
        wait_for("the receiver", lambda: _not_running(api, namespace), timeout_seconds=120)
        route = route_to(f"http://{_NAME}.{namespace}:{_PORT}/")
        body = {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "AlertmanagerConfig",
            "metadata": {"name": namespace},
            "spec": route,
        }
        custom.create_namespaced_custom_object(_GROUP, _VERSION, monitoring_namespace, _PLURAL, body)
        try:
            wait_for(
                "Alertmanager to load the receiver",
                lambda: _not_routed(api, monitoring_namespace, namespace),
                # The kubelet updates a changed Secret in pods about once a minute.
                timeout_seconds=240,
            )
            yield AlertReceiver(api, namespace)
        finally:
            custom.delete_namespaced_custom_object(_GROUP, _VERSION, monitoring_namespace, _PLURAL, namespace)
    finally:
        api.delete_namespace(namespace)
        api_client.close()


def _not_routed(api: Any, monitoring_namespace: str, receiver_namespace: str) -> str | None:
    pods = api.list_namespaced_pod(monitoring_namespace, label_selector=_ALERTMANAGER).items
    if not pods:
        return "no Alertmanager pod"
    # Through the API server's proxy, so no network policy has to admit tests.
    name = f"{pods[0].metadata.name}:9093"
    answer = api.connect_get_namespaced_pod_proxy_with_path(
        name, monitoring_namespace, "api/v2/status", _preload_content=False
    )
    return None if receiver_namespace in answer.data.decode() else "the receiver is not in its configuration"


def route_to(url: str) -> dict[str, Any]:
    """Return the spec of an AlertmanagerConfig that sends every alert to a URL."""
    # One group per alert, so that a lasting one does not delay the notification of another.
    return {
        "route": {"receiver": _NAME, "groupBy": ["..."], "groupWait": "1s", "groupInterval": "5s"},
        "receivers": [{"name": _NAME, "webhookConfigs": [{"url": url, "sendResolved": True}]}],
    }


def _no_account(api: Any, namespace: str) -> str | None:
    accounts = api.list_namespaced_service_account(namespace).items
    return None if accounts else "no service account yet"


def _not_running(api: Any, namespace: str) -> str | None:
    phase: str = api.read_namespaced_pod(_NAME, namespace).status.phase
    return None if phase == "Running" else phase
