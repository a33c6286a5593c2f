"""A namespace that enforces a Pod Security level and denies all traffic that no component has allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.pod_security import PodSecurityLevel, namespace_labels


@dataclass(frozen=True, kw_only=True)
class PlatformNamespaceArgs:
    """Inputs of `PlatformNamespace`."""

    namespace: str
    """Name in the cluster."""
    pod_security: PodSecurityLevel = "restricted"
    """Pods below this level are rejected."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels by which other components select the namespace."""
    after: tuple[pulumi.Resource, ...] = ()
    """Resources that must exist before it and be deleted after it, such as the controller of its objects."""

    def __post_init__(self) -> None:
        """Reject names that Kubernetes reserves."""
        if self.namespace.startswith("kube-") or self.namespace == "default":
            raise ValueError(f"namespace: {self.namespace!r} belongs to Kubernetes; choose another name")


class PlatformNamespace(pulumi.ComponentResource):
    """A namespace closed by default."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: PlatformNamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:PlatformNamespace", name, {"namespace": args.namespace}, opts)
        own = labels(args.namespace, name, "namespace")
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.namespace,
                "labels": {**own, **namespace_labels(args.pod_security), **args.labels},
            },
            # Set on the child: dependencies of a component do not reach its children.
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata={"name": "default-deny", "namespace": args.namespace, "labels": own},
            spec=network_policies.default_deny(),
            opts=ResourceOptions(parent=self, depends_on=[namespace]),
        )
        # Resolved by the policy, so that no consumer's pod starts in an open namespace.
        self.namespace = policy.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})
