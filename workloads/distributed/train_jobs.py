"""TrainJobs of Kubeflow Trainer: what one looks like, which quota has room, and why one waits or fails.

Embedded in the step that trains on several nodes, with the names that it imports from here.
"""

from dataclasses import dataclass
from typing import Any

from workloads.contract import TRAINING_API, TRAINING_RUNTIME

NODES = range(1, 65)
QUEUE = "default"
"""Kueue's queue of a namespace, if it has one."""
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_NEVER = frozenset({"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName"})
_LEAST_CPUS = 0.05
# The libraries alone take most of it.
_LEAST_MEMORY = 2**28
_UNITS = {
    "m": 0.001,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


@dataclass(frozen=True)
class Nodes:
    """The nodes of a training."""

    count: int
    cpus: float
    """CPUs that each requests."""
    memory: str
    """Memory that each may use, a quantity."""


def refuse_nodes(nodes: int, family: str, rows: int | None = None) -> None:
    """Refuse a training that cannot be divided.

    Args:
        nodes: How many.
        family: Family of models.
        rows: Rows to train on; None if that is not known yet.

    Raises:
        ValueError: it cannot; one line.
    """
    if nodes not in NODES:
        raise ValueError(f"nodes {nodes}: give 1 to {NODES[-1]}")
    if family != "xgboost":
        raise ValueError(f"family {family!r}: trains on one node; give xgboost, or run train_register_serve")
    if rows is not None and rows < nodes:
        raise ValueError(f"nodes {nodes}: the data has {rows} rows to train on; give at most {rows}")


def refuse_sizes(cpus: float, memory: str) -> None:
    """Refuse nodes that no cluster could make.

    Args:
        cpus: CPUs of each.
        memory: Memory of each, a quantity.

    Raises:
        ValueError: it could not; one line.
    """
    if not cpus >= _LEAST_CPUS:
        raise ValueError(f"cpus_per_node {cpus}: give {_LEAST_CPUS} or more")
    try:
        enough = quantity(memory) >= _LEAST_MEMORY
    except (KeyError, ValueError):
        enough = False
    if not enough:
        raise ValueError(
            f"memory_per_node {memory!r}: give a quantity of 256Mi or more, such as 512Mi or 2Gi"
        )


def quantity(text: str) -> float:
    """Return a quantity of Kubernetes, such as 250m or 2Gi, as a number."""
    digits = text.rstrip("".join(sorted({letter for unit in _UNITS for letter in unit})))
    return float(digits) * _UNITS[text[len(digits) :]]


def refuse_beyond_quota(
    nodes: Nodes, cluster_queue: dict[str, Any] | None, quotas: list[dict[str, Any]]
) -> None:
    """Refuse a training that could never start: one with more nodes than a quota has room for.

    Args:
        nodes: Its nodes.
        cluster_queue: Kueue's ClusterQueue of the namespace, if it has one.
        quotas: ResourceQuotas of the namespace.

    Raises:
        ValueError: a quota is too small, whatever else runs; one line.
    """
    bounds = _bounds_of_queue(cluster_queue, nodes.cpus) if cluster_queue else []
    for each in quotas:
        hard = each["spec"].get("hard", {})
        name = f"ResourceQuota {each['metadata']['name']}"
        bounds += [
            (name, quantity(hard[key]), nodes.cpus, "CPUs") for key in ("requests.cpu", "cpu") if key in hard
        ]
        # The step that waits is a pod as well.
        bounds += [
            (name, quantity(hard[key]) - 1, 1.0, "more pods") for key in ("pods", "count/pods") if key in hard
        ]
    for name, room, per_node, unit in bounds:
        if nodes.count * per_node > room + 1e-9:
            most = int((room + 1e-9) / per_node)
            raise ValueError(
                f"nodes {nodes.count}: need {nodes.count * per_node:g} {unit}, and {name} has {room:g}; "
                f"give at most {most}"
            )


def _bounds_of_queue(queue: dict[str, Any], cpus: float) -> list[tuple[str, float, float, str]]:
    """Return the most CPUs that a ClusterQueue may ever give; nothing where it may borrow without limit."""
    spec = queue["spec"]
    found = [
        each
        for group in spec.get("resourceGroups", [])
        for flavor in group["flavors"]
        for each in flavor["resources"]
        if each["name"] == "cpu"
    ]
    borrows = spec.get("cohortName") or spec.get("cohort")
    if not found or (borrows and any("borrowingLimit" not in each for each in found)):
        return []
    limits = [each.get("borrowingLimit", "0") if borrows else "0" for each in found]
    room = sum(quantity(str(each["nominalQuota"])) for each in found) + sum(
        quantity(str(each)) for each in limits
    )
    return [(f"queue {queue['metadata']['name']}", room, cpus, "CPUs")]


def train_job(
    name: str,
    nodes: Nodes,
    *,
    program: str,
    environment: dict[str, str],
    labels: dict[str, str],
    owner: dict[str, str],
    queue: str,
    deadline_seconds: int,
) -> dict[str, Any]:
    """Return a TrainJob.

    Args:
        name: Its name.
        nodes: Its nodes.
        program: Python source that each runs.
        environment: Variables of each.
        labels: Labels of the TrainJob.
        owner: Name and uid of the pod with which it is deleted.
        queue: Kueue's queue; empty if there is none.
        deadline_seconds: After which it fails.
    """
    return {
        "apiVersion": "/".join(TRAINING_API),
        "kind": "TrainJob",
        "metadata": {
            "name": name,
            "labels": {**labels, **({_QUEUE_LABEL: queue} if queue else {})},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", **owner}],
        },
        "spec": {
            "runtimeRef": {"name": TRAINING_RUNTIME},
            "activeDeadlineSeconds": deadline_seconds,
            "trainer": {
                "numNodes": nodes.count,
                "command": ["python3", "-c", program],
                "env": [{"name": key, "value": value} for key, value in environment.items()],
                "resourcesPerNode": {
                    "requests": {"cpu": f"{round(nodes.cpus * 1000)}m", "memory": nodes.memory},
                    "limits": {"memory": nodes.memory},
                },
            },
        },
    }


def ended(job: dict[str, Any]) -> str:
    """Return Complete or Failed, or nothing for a TrainJob that goes on."""
    conditions = job.get("status", {}).get("conditions", [])
    found = [each["type"] for each in conditions if each["status"] == "True"]
    return next((each for each in ("Complete", "Failed") if each in found), "")


def why_failed(job: dict[str, Any]) -> str:
    """Return what a failed TrainJob says of itself."""
    for each in job.get("status", {}).get("conditions", []):
        if each["type"] == "Failed" and each["status"] == "True":
            return f"{each['reason']}: {each['message']}"
    return "no reason"


def why_a_node_ended(pods: list[Any]) -> str:
    """Return why the first node ended that did not succeed; empty if none has.

    A node that was lost takes the others with it, so the first one knows.
    """
    found: list[tuple[Any, str]] = []
    for pod in pods:
        for container in pod.status.container_statuses or []:
            state = container.state.terminated
            if state is None or not state.exit_code:
                continue
            lines = (state.message or "").strip().splitlines()
            reason = "out of memory" if state.reason == "OOMKilled" else lines[-1] if lines else ""
            found.append((state.finished_at, f"{pod.metadata.name} ended with {state.exit_code}: {reason}"))
    return min(found)[1].removesuffix(": ") if found else ""


def why_a_node_never_starts(pods: list[Any]) -> str:
    """Return why a node can never start, such as an image that does not exist; empty if all can."""
    for pod in pods:
        for container in pod.status.container_statuses or []:
            waiting = container.state.waiting
            if waiting and waiting.reason in _NEVER:
                return f"{pod.metadata.name} cannot start: {waiting.reason}: {waiting.message}"
    return ""


def why_it_waits(pods: list[Any], workloads: list[dict[str, Any]]) -> str:
    """Return why nodes do not run: the quota, or the room of the cluster; empty if they do.

    Args:
        pods: Pods of the training.
        workloads: Kueue's Workloads of the training.
    """
    for each in workloads:
        for condition in each.get("status", {}).get("conditions", []):
            if condition["type"] in ("QuotaReserved", "Admitted") and condition["status"] == "False":
                return condition["message"]
    for pod in pods:
        for condition in pod.status.conditions or []:
            if condition.type == "PodScheduled" and condition.status == "False":
                return condition.message or condition.reason or "a node has no room"
    return ""
