"""Objects of a native cluster before any stack: rights of its processes, DNS, storage class, metrics."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cluster import network
from cluster.addons import dns, metrics, packages, storage
from cluster.command import run
from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.programs import binaries, containerd, control_plane
from upstream.cache import write_atomically

_SYSTEM_NAMESPACE = "kube-system"
_APPLIED = "addons.sha256"


def images() -> dict[str, str]:
    """Return the images a cluster cannot start without: short name -> reference."""
    return {
        "pause": containerd.pause_image(),
        "coredns": dns.image(),
        "metrics-server": metrics.image(),
        "volume-helper": storage.helper_image(),
    }


def manifests(node_ip: str) -> list[dict[str, Any]]:
    """Return all objects, namespaces first."""
    return [
        *storage.manifests(),
        *control_plane.kubelet_access(),
        *network.kube_router_rights(),
        *dns.manifests(),
        *metrics.manifests(),
        *packages.manifests(node_ip),
    ]


def kubectl(
    instance: Instance, *arguments: str, stdin: str | None = None, timeout_seconds: float = 30
) -> str:
    """Run kubectl as the cluster's administrator."""
    program = binaries.path("kubectl")
    argv = [program, f"--kubeconfig={instance.kubeconfig}", *arguments]
    return run(argv, stdin=stdin, timeout_seconds=timeout_seconds)


def were_applied(instance: Instance) -> bool:
    """Return whether this cluster ran before, and so may have a platform whose pods must come back."""
    return (instance.folder / _APPLIED).exists()


def apply(instance: Instance) -> None:
    """Apply the objects, unless this cluster has exactly these already."""
    addresses = instance.addresses()
    if addresses is None:
        raise ClusterError(f"cluster {instance.name!r} has no addresses: run `python -m cluster up`")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests(addresses.node_ip)})
    digest = hashlib.sha256(text.encode()).hexdigest()
    marker = instance.folder / _APPLIED
    if marker.exists() and marker.read_text() == digest:
        return
    kubectl(
        instance,
        *("apply", "--server-side", "--force-conflicts", "--field-manager=plinth-cluster", "-f", "-"),
        stdin=text,
    )
    write_atomically(marker, digest)


def _condition(entry: dict[str, Any], kind: str) -> dict[str, str]:
    conditions: list[dict[str, str]] = entry.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _since(stamp: str | None) -> float:
    if not stamp:
        return 0.0
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def pending(listing: dict[str, Any], started: float) -> str | None:
    """Return what is not ready in a listing of the node and the system's pods, or None.

    After a restart the API still has the state from before it, so only news counts: a heartbeat or a
    transition since `started` (seconds since 1970; the API's times have no fraction).
    """
    items: list[dict[str, Any]] = listing["items"]
    nodes = [item for item in items if item["kind"] == "Node"]
    pods = [item for item in items if item["kind"] == "Pod"]
    if not nodes:
        return "the node has not registered"
    ready = _condition(nodes[0], "Ready")
    if ready.get("status") != "True" or _since(ready.get("lastHeartbeatTime")) < int(started):
        return f"the node is not ready: {ready.get('message') or 'no report since the start'}"
    # Not metrics-server: its first metrics take two scrapes, and starting a platform does not need them.
    own = [pod for pod in pods if pod["metadata"].get("labels", {}).get("k8s-app") == "kube-dns"]
    if not any(_is_ready(pod, started) for pod in own):
        return f"coredns: {_reason(own[-1]) if own else 'no pod'}"
    return None


def _is_ready(pod: dict[str, Any], started: float) -> bool:
    ready = _condition(pod, "Ready")
    return ready.get("status") == "True" and _since(ready.get("lastTransitionTime")) >= int(started)


def _reason(pod: dict[str, Any]) -> str:
    for status in pod.get("status", {}).get("containerStatuses", []):
        waiting = status.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()
    return f"pod is {pod.get('status', {}).get('phase', 'unknown')}"


def not_back(pods: dict[str, Any], started: float) -> list[str]:
    """Return the long-running pods of a listing that have not become ready since `started`."""
    items: list[dict[str, Any]] = pods["items"]
    return [
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in items
        if pod.get("status", {}).get("phase") in {"Pending", "Running"}
        and pod["spec"].get("restartPolicy", "Always") == "Always"
        and not _is_ready(pod, started)
    ]


def pods_state(instance: Instance, started: float) -> str | None:
    """Return which pods have not come back, as the API reports them; None when all have."""
    names = not_back(
        json.loads(kubectl(instance, "get", "pods", "--all-namespaces", "--output=json")), started
    )
    return f"{len(names)} pods are not ready: {', '.join(names[:3])}" if names else None


def state(instance: Instance, started: float) -> str | None:
    """Return what is not ready yet, as the API reports it; None when everything is."""
    nodes = json.loads(kubectl(instance, "get", "nodes", "--output=json"))
    pods = json.loads(kubectl(instance, "get", "pods", f"--namespace={_SYSTEM_NAMESPACE}", "--output=json"))
    return pending({"items": [*nodes["items"], *pods["items"]]}, started)
