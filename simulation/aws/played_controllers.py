"""Acts for controllers whose pods do not run, so that the conditions the program awaits become true."""

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from simulation.aws.cluster_access import Access

Object = dict[str, Any]
_INTERVAL_SECONDS = 0.5
_REASON = "Simulated"
_LOAD_BALANCER = "simulated.elb.amazonaws.com"
_INTERNAL = "service.beta.kubernetes.io/aws-load-balancer-internal"


@dataclass(frozen=True, kw_only=True)
class Role:
    """A simulated controller: watches a list and writes statuses."""

    path: str
    """The list in the API, such as `/api/v1/services`."""

    def status(self, obj: Object) -> Object | None:
        """Return the status that the controller would write, or None when it has nothing to do."""
        raise NotImplementedError


class LoadBalancers(Role):
    """The cloud's controller: gives every service of type LoadBalancer one, and never changes its scheme."""

    def status(self, obj: Object) -> Object | None:
        """Return the address of a load balancer."""
        if obj["spec"].get("type") != "LoadBalancer" or obj["status"].get("loadBalancer", {}).get("ingress"):
            return None
        return {"loadBalancer": {"ingress": [{"hostname": load_balancer(obj)}]}}


def load_balancer(service: Object) -> str:
    """Return the address of the load balancer that a service asks for; it shows the scheme, as in AWS."""
    inside = service["metadata"].get("annotations", {}).get(_INTERNAL) == "true"
    return f"{'internal-' if inside else ''}{_LOAD_BALANCER}"


@dataclass(frozen=True, kw_only=True)
class Condition(Role):
    """A controller that reports conditions for every object."""

    types: tuple[str, ...]
    rest: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further fields of the status."""

    def status(self, obj: Object) -> Object | None:
        """Return the conditions."""
        conditions: list[Object] = obj.get("status", {}).get("conditions", [])
        generation = obj["metadata"].get("generation", 1)
        met = {
            each["type"]
            for each in conditions
            if each["status"] == "True" and each.get("observedGeneration", generation) == generation
        }
        if set(self.types) <= met:
            return None
        now = obj["metadata"]["creationTimestamp"]
        made = [
            {
                "type": each,
                "status": "True",
                "reason": _REASON,
                "message": "simulated: no controller runs",
                "lastTransitionTime": now,
                "observedGeneration": generation,
            }
            for each in self.types
        ]
        return {**self.rest, "conditions": made}


# The Prometheus operator reports the pods of its servers, which never start here.
_MONITORING = "/apis/monitoring.coreos.com/v1"
_ONE_POD = {
    "paused": False,
    "replicas": 1,
    "updatedReplicas": 1,
    "availableReplicas": 1,
    "unavailableReplicas": 0,
}
ROLES: tuple[Role, ...] = (
    LoadBalancers(path="/api/v1/services"),
    Condition(path="/apis/gateway.networking.k8s.io/v1/gateways", types=("Accepted", "Programmed")),
    Condition(path="/apis/gateway.networking.k8s.io/v1/gatewayclasses", types=("Accepted",)),
    Condition(path=f"{_MONITORING}/prometheuses", types=("Available", "Reconciled"), rest=_ONE_POD),
    Condition(path=f"{_MONITORING}/alertmanagers", types=("Available", "Reconciled"), rest=_ONE_POD),
)


@dataclass
class PlayedControllers:
    """Runs every role in a thread until the context ends."""

    server: str
    access: Access
    roles: tuple[Role, ...] = ROLES
    _end: threading.Event = field(default_factory=threading.Event)
    _failure: list[str] = field(default_factory=list[str])

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the thread; raise if the API server refused a status."""
        self._end.set()
        self._thread.join(timeout=30)
        if self._failure and kind is None:
            raise AssertionError(self._failure[0])

    def _play(self) -> None:
        while not self._end.wait(_INTERVAL_SECONDS):
            for role in self.roles:
                try:
                    self._play_role(role)
                except (OSError, http.client.HTTPException, ValueError):
                    # The API server is busy or already gone; the next round tries again.
                    continue

    def _play_role(self, role: Role) -> None:
        code, listed = self._call("GET", role.path)
        if code == http.HTTPStatus.NOT_FOUND:
            return
        for obj in listed.get("items", []):
            status = role.status(obj)
            if status is None:
                continue
            metadata = obj["metadata"]
            namespace = metadata.get("namespace")
            group, plural = role.path.rsplit("/", 1)
            middle = f"/namespaces/{namespace}" if namespace else ""
            path = f"{group}{middle}/{plural}/{metadata['name']}/status"
            code, answer = self._call("PATCH", path, {"status": status})
            if code >= http.HTTPStatus.BAD_REQUEST and code != http.HTTPStatus.NOT_FOUND:
                self._failure.append(f"{path}: {code} {answer.get('message')}")

    def _call(self, method: str, path: str, body: Object | None = None) -> tuple[int, Object]:
        parts = urlsplit(self.server)
        context = ssl.create_default_context(cafile=str(self.access.certificate))
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=context, timeout=10
        )
        headers = {
            "Authorization": f"Bearer {self.access.token}",
            "Content-Type": "application/merge-patch+json",
        }
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()
