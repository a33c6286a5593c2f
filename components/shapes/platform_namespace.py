"""A namespace that enforces a Pod Security level and lets nothing in or out that no component has named."""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.pod_security import PodSecurityLevel, namespace_labels


@dataclass(frozen=True, kw_only=True)
class PlatformNamespaceArgs:
    """What a namespace needs to know."""

    namespace: str
    """Its name in the cluster."""
    pod_security: PodSecurityLevel = "restricted"
    """The level below which pods are refused."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels that other software looks for."""
    after: tuple[pulumi.Resource, ...] = ()
    """What is there before it and outlives it, such as the controller of what people put into it."""

    def __post_init__(self) -> None:
        """Refuse names that Kubernetes keeps for itself."""
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
                "labels": {**own, **namespace_labels(args.pod_security), **args.extra_labels},
            },
            # Given to the child: what a component depends on does not reach its children.
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata={"name": "default-deny", "namespace": args.namespace, "labels": own},
            spec=network_policies.default_deny(),
            opts=ResourceOptions(parent=self, depends_on=[namespace]),
        )
        # Taken from the policy, so that no pod of a consumer starts in an open namespace.
        self.namespace = policy.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})
