"""A server that may run several times at once: replaced without a gap, and never drained whole."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions


def deploy(
    component: str,
    *,
    role: str,
    metadata: kubernetes.meta.v1.ObjectMetaArgsDict,
    spec: kubernetes.apps.v1.DeploymentSpecArgsDict,
    replicas: int,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> kubernetes.apps.v1.Deployment:
    """Make the Deployment, and a disruption budget where there are replicas to choose from.

    Args:
        component: name of the component.
        role: what the server is, as in the engine's name of the Deployment.
        metadata: of both objects.
        spec: as `server_pods.deployment` returns it.
        replicas: how many.
        parent: the component.
        after: what must be there before it starts.
    """
    spec["replicas"] = replicas
    spec["strategy"] = {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}
    if replicas > 1:
        kubernetes.policy.v1.PodDisruptionBudget(
            f"{component}-disruption-budget",
            metadata=metadata,
            spec={"max_unavailable": 1, "selector": spec["selector"]},
            opts=ResourceOptions(parent=parent),
        )
    return kubernetes.apps.v1.Deployment(
        f"{component}-{role}",
        metadata=metadata,
        spec=spec,
        opts=ResourceOptions(parent=parent, depends_on=after),
    )
