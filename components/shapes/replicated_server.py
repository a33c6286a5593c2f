"""A Deployment with rolling updates; several replicas are spread, and never drained all at once."""

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import server_pods
from components.shapes.owner import Owner

ROLLING: Final[kubernetes.apps.v1.DeploymentStrategyArgsDict] = {
    "type": "RollingUpdate",
    "rolling_update": {"max_surge": 1, "max_unavailable": 0},
}
"""A new pod is ready before an old one ends."""


def check(replicas: int) -> None:
    """Reject a server without a pod, when its inputs are made rather than at deployment.

    Raises:
        ValueError: fewer than one replica.
    """
    if replicas < 1:
        raise ValueError(f"replicas: {replicas}; give at least 1")


def spread(selector: Mapping[str, str]) -> list[kubernetes.core.v1.TopologySpreadConstraintArgsDict]:
    """Return constraints that keep the replicas of one version on different nodes in different zones.

    They weigh more than packing does, but forbid nothing: an autoscaler cannot choose the zone of a new node,
    and where a zone is lost, or nodes have none, a replica had better run anywhere.
    """
    return [
        {
            "topology_key": key,
            "max_skew": 1,
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": selector},
            "match_label_keys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def deploy(  # noqa: PLR0913 - servers with replicas differ in this many ways
    owner: Owner,
    pod: kubernetes.core.v1.PodSpecArgsDict,
    *,
    role: str,
    name: str,
    replicas: int,
    after: Sequence[pulumi.Resource],
    settle_seconds: int = 0,
    exclusive: bool = False,
    annotations: server_pods.Annotations | None = None,
) -> kubernetes.apps.v1.Deployment:
    """Create the Deployment and its budget.

    Args:
        owner: the component.
        pod: spec of each replica.
        role: suffix of the Deployment's Pulumi name, such as `server`.
        name: name of both objects.
        replicas: number of pods.
        after: resources that must exist before the server starts.
        settle_seconds: seconds that a pod must be ready before it counts as available.
        exclusive: whether a single replica ends before its successor starts.
        annotations: of each pod, which starts again when they change.
    """
    if exclusive and replicas == 1:
        return server_pods.deploy(owner, pod, role=role, name=name, after=after, annotations=annotations)
    if replicas > 1:
        pod = {**pod, "topology_spread_constraints": spread(owner.selector)}
    spec: kubernetes.apps.v1.DeploymentSpecArgsDict = {
        **server_pods.deployment(owner, pod, strategy=ROLLING, annotations=annotations),
        "replicas": replicas,
    }
    if settle_seconds:
        spec["min_ready_seconds"] = settle_seconds
    # A budget for a single pod would block every drain of its node.
    if replicas > 1:
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{owner.component}-disruption-budget",
            metadata=owner.metadata(name),
            spec={"max_unavailable": 1, "selector": spec["selector"]},
            opts=owner.child(),
        )
    return kubernetes.apps.v1.Deployment(
        f"{owner.component}-{role}", metadata=owner.metadata(name), spec=spec, opts=owner.child(after)
    )
