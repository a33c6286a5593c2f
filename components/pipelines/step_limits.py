"""Limits of steps whose pipelines set none: without them one step uses up its node."""

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import admission
from components.shapes.owner import Owner

_NAMES: Final = "object.spec.containers.map(each, each.name)"
# A container that requests more than the default limit, which it has just been given.
_CRAMPED: Final = (
    "has(c.resources) && has(c.resources.requests) && has(c.resources.limits) && "
    "'memory' in c.resources.requests && 'memory' in c.resources.limits && "
    "quantity(c.resources.requests['memory']).isGreaterThan(quantity(c.resources.limits['memory']))"
)


@dataclass(frozen=True, kw_only=True)
class DefaultLimits:
    """What a step may use that sets no limit."""

    memory: str = "4Gi"
    storage: str = "20Gi"
    """Of the node's disk: what it writes outside of volumes, and its log."""


def policy(namespace: str) -> dict[str, Any]:
    """Return the admission policy by which a step that requests more memory than the default may use it.

    Kubernetes itself refuses such a pod: the default limit would be below the request.
    """
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": admission.created_pods_in(namespace),
        "matchConditions": [
            {
                "name": "requests-more-than-the-default",
                "expression": f"object.spec.containers.exists(c, {_CRAMPED})",
            }
        ],
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": f"object.spec.containers.filter(c, {_CRAMPED}).map(c, JSONPatch{{"
                    f'op: "replace", path: "/spec/containers/" + string({_NAMES}.indexOf(c.name)) + '
                    '"/resources/limits/memory", '
                    "value: c.resources.requests['memory']})"
                },
            }
        ],
    }


def deploy(owner: Owner, limits: DefaultLimits) -> list[pulumi.Resource]:
    """Create the default limits of the owner's namespace."""
    of_containers: kubernetes.core.v1.LimitRangeItemArgsDict = {
        "type": "Container",
        "default": {"memory": limits.memory, "ephemeral-storage": limits.storage},
        # Otherwise each container would request its limit, and few would fit on a node.
        "default_request": {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }
    created = kubernetes.core.v1.LimitRange(
        f"{owner.component}-limits",
        metadata=owner.metadata("pipeline-steps"),
        spec={"limits": [of_containers]},
        opts=owner.child(),
    )
    spec = pulumi.Output.from_input(owner.namespace).apply(policy)
    return [created, *admission.deploy(owner, "Mutating", f"{owner.component}-step-limits", spec)]
