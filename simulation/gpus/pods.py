"""Pods of the simulated tier, and what became of them."""

from collections import Counter
from collections.abc import Iterable

from components.gpus.gpu_queues import GPU_RESOURCE, POOL_LABEL
from simulation.gpus.api import Object, condition

_GROUP = "kueue.x-k8s.io/pod-group-name"
_GROUP_SIZE = "kueue.x-k8s.io/pod-group-total-count"
# Else Kueue keeps a deleted member until another takes its place.
_REPLACED = "kueue.x-k8s.io/retriable-in-group"


def pod(name: str, team: str, *, gpus: int = 0, pool: str | None = None) -> Object:
    """Return a pod as a data scientist writes it: a limit, perhaps a pool; no queue and no toleration."""
    limits = {"cpu": "100m", "memory": "64Mi", **({GPU_RESOURCE: str(gpus)} if gpus else {})}
    container = {"name": "main", "image": "simulated", "resources": {"limits": limits}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": team},
        "spec": {"containers": [container], **({"nodeSelector": {POOL_LABEL: pool}} if pool else {})},
    }


def gang(name: str, size: int, team: str, *, gpus: int, pool: str) -> list[Object]:
    """Return pods that belong together."""
    members = [pod(f"{name}-{number}", team, gpus=gpus, pool=pool) for number in range(size)]
    for member in members:
        member["metadata"]["labels"] = {_GROUP: name}
        member["metadata"]["annotations"] = {_GROUP_SIZE: str(size), _REPLACED: "false"}
    return members


def state(found: Object) -> str:
    """Return what became of a pod: `queued` by Kueue, `pending` at the scheduler, or its phase."""
    if found["spec"].get("schedulingGates"):
        return "queued"
    if not found["spec"].get("nodeName"):
        return "pending"
    return found["status"]["phase"].lower()


def states(found: Iterable[Object]) -> Counter[str]:
    """Return how many pods are in which state."""
    return Counter(state(each) for each in found)


def unschedulable(found: Object) -> str:
    """Return why the scheduler finds no node for a pod; empty if it has not tried, or found one."""
    scheduled = condition(found, "PodScheduled")
    return scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else ""
