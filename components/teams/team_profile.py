"""A team's namespace, closed to others, whose GPU pods and Jobs queue for the team's quota."""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus import gpu_queues
from components.gpus.gpu_queues import TEAM_LABEL
from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs


@dataclass(frozen=True, kw_only=True)
class TeamProfileArgs:
    """What a team's namespace needs to know."""

    team: str
    """Name of the team, its namespace and its ClusterQueue."""
    destinations: tuple[network_policies.EgressRule, ...] = ()
    """Where its pods may connect to, beside each other."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""
    after: tuple[pulumi.Resource, ...] = ()
    """What is there before it and outlives it: the team's ClusterQueue."""


class TeamProfile(pulumi.ComponentResource):
    """A namespace and its queue.

    No LimitRange: one with a maximum of GPUs would hand every container that names none a GPU.
    """

    namespace: pulumi.Output[str]
    queue: pulumi.Output[str]

    def __init__(self, name: str, args: TeamProfileArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:TeamProfile", name, {"team": args.team}, opts)
        own = {**labels("team-profile", name, "queue"), **args.extra_labels}
        profile = PlatformNamespaceArgs(
            namespace=args.team, extra_labels={**args.extra_labels, TEAM_LABEL: args.team}, after=args.after
        )
        self.namespace = PlatformNamespace(
            f"{name}-namespace", profile, ResourceOptions(parent=self)
        ).namespace
        together: network_policies.Peer = {"pod_selector": {}}
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata={"name": "team", "namespace": self.namespace, "labels": own},
            spec={
                "pod_selector": {},
                "policy_types": ["Ingress", "Egress"],
                # Training across nodes: its pods talk to each other on ports of their own choice.
                "ingress": [{"from_": [together]}],
                "egress": [{"to": [together]}, *args.destinations],
            },
            opts=ResourceOptions(parent=self),
        )
        rendered = gpu_queues.local_queue(args.team)
        queue = kubernetes.apiextensions.CustomResource(
            f"{name}-queue",
            api_version=rendered["apiVersion"],
            kind=rendered["kind"],
            metadata={"name": gpu_queues.LOCAL_QUEUE, "namespace": self.namespace, "labels": own},
            spec=rendered["spec"],
            opts=ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        # Taken from the queue's identity, so that a consumer waits until it is there.
        self.queue = queue.id.apply(lambda _: gpu_queues.LOCAL_QUEUE)
        self.register_outputs({"namespace": self.namespace, "queue": self.queue})
