"""The labels that every object of the platform carries."""

from typing import Final

NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
TEAM_LABEL: Final = "plinth.dev/team"
"""Label of a team's namespace; policies and queues of GPUs select by it."""
READS: Final = "plinth.dev/reads-at-start"
"""Annotation of a pod: digest of what it reads only when it starts, and so must start again to see."""
REGISTERS: Final = "plinth.dev/registers"
"""Annotation of a DaemonSet: the extended resource that its pods register with the kubelet of their node."""


def selector(name: str, instance: str) -> dict[str, str]:
    """Return the labels that select a workload's pods; they must never change during its lifetime."""
    return {NAME: name, "app.kubernetes.io/instance": instance}


def labels(name: str, instance: str, component: str, *, version: str | None = None) -> dict[str, str]:
    """Return the recommended Kubernetes labels of one object.

    Args:
        name: the product, such as `mlflow`.
        instance: the Pulumi name of the component that owns the object.
        component: the role within the product, such as `server`.
        version: the product's version, if it has one worth showing.
    """
    optional = {"app.kubernetes.io/version": version} if version else {}
    return {
        **selector(name, instance),
        COMPONENT: component,
        "app.kubernetes.io/part-of": "plinth",
        "app.kubernetes.io/managed-by": "pulumi",
        **optional,
    }
