"""A team's namespace: closed to others, open among the team's own pods and to what the platform allows."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies
from components.shapes.labels import TEAM_LABEL, labels
from components.shapes.owner import Owner
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs


@dataclass(frozen=True, kw_only=True)
class TeamProfileArgs:
    """Inputs of `TeamProfile`."""

    team: str
    """Name of the team and its namespace."""
    destinations: tuple[network_policies.EgressRule, ...] = ()
    """Where its pods may connect to, in addition to each other."""
    quota: Mapping[str, str] | None = None
    """Resource -> the most that its objects may use together, as a ResourceQuota names it."""
    after: tuple[pulumi.Resource, ...] = ()
    """Resources to delete after the namespace, such as a controller with finalizers on its pods."""


def alias_below(component: str, type_: str, team: str) -> pulumi.Alias:
    """Return the alias of a profile that another component once created, under its own name.

    Children follow by themselves: the engine derives their aliases from those of their parent.

    Args:
        component: Pulumi name of the former parent, which stood at the top of the stack.
        type_: type token of the former parent.
        team: name of the team.
    """
    return pulumi.Alias(name=f"{component}-{team}", parent=pulumi.create_urn(component, type_))


class TeamProfile(pulumi.ComponentResource):
    """A namespace, its network policy and its quota.

    No LimitRange: one with a maximum of GPUs would give a GPU to every container that requests none.
    """

    namespace: pulumi.Output[str]
    owner: Owner
    """Owner of further objects in the namespace, such as the team's queue."""

    def __init__(self, name: str, args: TeamProfileArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:TeamProfile", name, {"team": args.team}, opts)
        self.namespace = PlatformNamespace(
            f"{name}-namespace",
            PlatformNamespaceArgs(namespace=args.team, labels={TEAM_LABEL: args.team}, after=args.after),
            ResourceOptions(parent=self),
        ).namespace
        self.owner = Owner(
            component=name,
            namespace=self.namespace,
            labels=labels("team-profile", name, "profile"),
            selector={},
            parent=self,
        )
        together: network_policies.Peer = {"pod_selector": {}}
        kubernetes.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata=self.owner.metadata("team"),
            spec={
                "pod_selector": {},
                "policy_types": ["Ingress", "Egress"],
                # Distributed training: pods of a run talk to each other on arbitrary ports.
                "ingress": [{"from_": [together]}],
                "egress": [{"to": [together]}, *args.destinations],
            },
            opts=self.owner.child(),
        )
        if args.quota:
            kubernetes.core.v1.ResourceQuota(
                f"{name}-quota",
                metadata=self.owner.metadata("team"),
                spec={"hard": args.quota},
                opts=self.owner.child(),
            )
        self.register_outputs({"namespace": self.namespace})
