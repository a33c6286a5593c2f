"""Pods of the simulated tier, and their states."""

from collections import Counter
from collections.abc import Iterable

from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL
from simulation.gpus.api import Object, condition

_GROUP = "kueue.x-k8s.io/pod-group-name"
_GROUP_SIZE = "kueue.x-k8s.io/pod-group-total-count"
# Otherwise Kueue keeps a deleted member until another replaces it.
_REPLACED = "kueue.x-k8s.io/retriable-in-group"


def pod(name: str, team: str, *, gpus: int = 0, pool: str | None = None) -> Object:
    """Return a pod as a data scientist writes it: a limit and perhaps a pool, no queue and no toleration."""
    limits = {"cpu": "100m", "memory": "64Mi", **({GPU_RESOURCE: str(gpus)} if gpus else {})}
    container = {"name": "main", "image": "simulated", "resources": {"limits": limits}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": team},
        "spec": {"containers": [container], **({"nodeSelector": {POOL_LABEL: pool}} if pool else {})},
    }


def gang(name: str, size: int, team: str, *, gpus: int, pool: str) -> list[Object]:
    """Return the pods of a gang, which start together or not at all."""
    members = [pod(f"{name}-{number}", team, gpus=gpus, pool=pool) for number in range(size)]
    for member in members:
        member["metadata"]["labels"] = {_GROUP: name}
        member["metadata"]["annotations"] = {_GROUP_SIZE: str(size), _REPLACED: "false"}
    return members


def state(pod: Object) -> str:
    """Return a pod's state: `queued` by Kueue, `pending` at the scheduler, or its phase."""
    if pod["spec"].get("schedulingGates"):
        return "queued"
    if not pod["spec"].get("nodeName"):
        return "pending"
    return pod["status"]["phase"].lower()


def states(pods: Iterable[Object]) -> Counter[str]:
    """Return the number of pods in each state."""
    return Counter(state(each) for each in pods)


def unschedulable(pod: Object) -> str:
    """Return why the scheduler finds no node for a pod; empty if it has not tried, or has found one."""
    scheduled = condition(pod, "PodScheduled")
    return scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else ""
