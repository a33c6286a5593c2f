"""A new pod of the gateway takes over while callers go on: it is ready once it knows every route."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from kubernetes import client

from tests.e2e import through_gateway
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

# Whoever else calls meanwhile loses a connection.
pytestmark = [pytest.mark.slow, pytest.mark.fault]

_NAMESPACE, _NAME = "gateway", "traefik"
_REPLACEMENTS = 3
_SECONDS = 120


class _Callers(threading.Thread):
    """Opens a connection for each request, and counts the statuses."""

    def __init__(self, endpoints: Endpoints) -> None:
        super().__init__(daemon=True)
        self._endpoints = endpoints
        self.over = threading.Event()
        self.statuses: Counter[str] = Counter()

    def run(self) -> None:
        while not self.over.wait(0.01):
            try:
                host = self._endpoints.tracking_host
                with through_gateway.connect(self._endpoints, host, timeout=10) as gateway:
                    self.statuses[str(gateway.get("/version").status_code)] += 1
            except httpx.HTTPError as error:
                self.statuses[type(error).__name__] += 1


def _replace(api: Any) -> None:
    """Replace the gateway's pod, as an update of a team does, and wait until the former one is gone."""
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    selector = "app.kubernetes.io/name=traefik"
    former = {
        each.metadata.name for each in core.list_namespaced_pod(_NAMESPACE, label_selector=selector).items
    }
    stamp = {"plinth.dev/replaced-at": datetime.now(UTC).isoformat()}
    template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    apps.patch_namespaced_deployment(_NAME, _NAMESPACE, template)

    def replaced() -> str | None:
        names = {
            each.metadata.name for each in core.list_namespaced_pod(_NAMESPACE, label_selector=selector).items
        }
        return None if names and not names & former else f"pods {', '.join(sorted(names))}"

    wait_for("a new pod of the gateway", replaced, timeout_seconds=_SECONDS, interval_seconds=0.5)


def test_no_request_fails_while_a_new_pod_takes_over(
    endpoints: Endpoints, record_property: Callable[[str, object], None]
) -> None:
    api = cluster_client.connect(endpoints.kubeconfig)
    callers = [_Callers(endpoints) for _ in range(4)]
    for each in callers:
        each.start()
    try:
        for _ in range(_REPLACEMENTS):
            _replace(api)
    finally:
        for each in callers:
            each.over.set()
            each.join(timeout=15)
    statuses = sum((each.statuses for each in callers), Counter[str]())
    record_property(
        "requests during three replacements, failed",
        f"{statuses.total()}, {statuses.total() - statuses['200']}",
    )
    assert {*statuses} == {"200"}, statuses
    assert statuses.total() >= 100
