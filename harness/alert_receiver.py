"""A webhook receiver of a test's own: a pod that Alertmanager tells of every alert, and that keeps a log."""

import json
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config

from components.monitoring.alertmanager import RECEIVER
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

_NAME = "receiver"
_PORT = 8080
_ALERTMANAGER = "app.kubernetes.io/name=alertmanager"
_GROUP, _VERSION, _PLURAL = "monitoring.coreos.com", "v1alpha1", "alertmanagerconfigs"
# One line per alert; a log is what a pod keeps without a volume.
_PROGRAM = """
import http.server, json
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            print(json.dumps({"status": alert["status"], "labels": alert["labels"]}), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("", 8080), Receiver).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One alert of which the receiver was told: that it fires, or that it is resolved."""

    status: str
    labels: dict[str, str]

    def is_of(self, alert: str, labels: dict[str, str]) -> bool:
        """Return whether it tells of this alert, with at least these labels."""
        return self.labels.items() >= {"alertname": alert, **labels}.items()


def parse(log: str) -> list[Notification]:
    """Return what a receiver heard, in order, from its log, whose last line may be half written."""
    whole = [line for line in log.splitlines(keepends=True) if line.endswith("\n")]
    lines = [json.loads(line) for line in whole if line.startswith("{")]
    return [Notification(status=each["status"], labels=each["labels"]) for each in lines]


class AlertReceiver:
    """A receiver that runs."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def heard(self) -> list[Notification]:
        """Return every notification so far, in order."""
        log = self._api.read_namespaced_pod_log(_NAME, self._namespace, _preload_content=False)
        return parse(log.data.decode())

    def last(self, alert: str, labels: dict[str, str]) -> str | None:
        """Return what was told last of an alert: `firing`, `resolved`, or nothing."""
        statuses = [each.status for each in self.heard() if each.is_of(alert, labels)]
        return statuses[-1] if statuses else None


@contextmanager
def receiving(endpoints: Endpoints, monitoring_namespace: str) -> Generator[AlertReceiver]:
    """Run a receiver, route every alert to it, and take both away again."""
    api_client: Any = config.new_client_from_config(endpoints.kubeconfig)
    api, custom = client.CoreV1Api(api_client), client.CustomObjectsApi(api_client)
    namespace = f"alert-receiver-{secrets.token_hex(3)}"
    api.create_namespace({"metadata": {"name": namespace}})
    try:
        wait_for("the account of the namespace", lambda: _account(api, namespace), timeout_seconds=60)
        container = {"name": _NAME, "image": endpoints.workload_image, "command": ["python3", "-c", _PROGRAM]}
        metadata = {"name": _NAME, "labels": RECEIVER}
        api.create_namespaced_pod(namespace, {"metadata": metadata, "spec": {"containers": [container]}})
        service = {"selector": RECEIVER, "ports": [{"port": _PORT, "targetPort": _PORT}]}
        api.create_namespaced_service(namespace, {"metadata": metadata, "spec": service})
        wait_for("the receiver", lambda: _running(api, namespace), timeout_seconds=120)
        route = _route(f"http://{_NAME}.{namespace}:{_PORT}/")
        body = {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "AlertmanagerConfig",
            "metadata": {"name": namespace},
            "spec": route,
        }
        custom.create_namespaced_custom_object(_GROUP, _VERSION, monitoring_namespace, _PLURAL, body)
        try:
            wait_for(
                "Alertmanager to know the receiver",
                lambda: _routed(api, monitoring_namespace, namespace),
                # The kubelet brings a changed Secret to its pods about once a minute.
                timeout_seconds=240,
            )
            yield AlertReceiver(api, namespace)
        finally:
            custom.delete_namespaced_custom_object(_GROUP, _VERSION, monitoring_namespace, _PLURAL, namespace)
    finally:
        api.delete_namespace(namespace)
        api_client.close()


def _routed(api: Any, monitoring_namespace: str, receiver_namespace: str) -> str | None:
    pods = api.list_namespaced_pod(monitoring_namespace, label_selector=_ALERTMANAGER).items
    if not pods:
        return "no Alertmanager pod"
    # The API server calls the pod itself: no policy has to let a test in.
    name = f"{pods[0].metadata.name}:9093"
    answer = api.connect_get_namespaced_pod_proxy_with_path(
        name, monitoring_namespace, "api/v2/status", _preload_content=False
    )
    return None if receiver_namespace in answer.data.decode() else "the receiver is not in its configuration"


def _route(url: str) -> dict[str, Any]:
    # Every alert by itself, so that one that lasts does not delay the news of another.
    return {
        "route": {"receiver": _NAME, "groupBy": ["..."], "groupWait": "1s", "groupInterval": "5s"},
        "receivers": [{"name": _NAME, "webhookConfigs": [{"url": url, "sendResolved": True}]}],
    }


def _account(api: Any, namespace: str) -> str | None:
    accounts = api.list_namespaced_service_account(namespace).items
    return None if accounts else "no service account yet"


def _running(api: Any, namespace: str) -> str | None:
    phase: str = api.read_namespaced_pod(_NAME, namespace).status.phase
    return None if phase == "Running" else phase
