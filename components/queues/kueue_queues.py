"""Kueue and a ClusterQueue for each team: its guaranteed CPUs and GPUs, and what it may borrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus.gpu_pools import GpuPool
from components.queues import team_quotas
from components.queues.kueue_controller import Framework, KueueController, KueueControllerArgs
from components.queues.team_quotas import QueuedTeam
from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.server_certificate import ServerCertificate


@dataclass(frozen=True, kw_only=True)
class FormerParent:
    """The component below which the same objects once were, in stacks that keep their state."""

    name: str
    """Its Pulumi name, with which the names of its children began; it stood at the top of the stack."""
    type_: str
    """Its type token."""

    def alias(self, suffix: str) -> pulumi.Alias:
        """Return the alias of a child that had this suffix."""
        return pulumi.Alias(name=f"{self.name}-{suffix}", parent=pulumi.create_urn(self.name, self.type_))


@dataclass(frozen=True, kw_only=True)
class KueueQueuesArgs:
    """Inputs of `KueueQueues`."""

    namespace: pulumi.Input[str]
    """Namespace of the controller, which denies traffic by default."""
    controller_image: pulumi.Input[str]
    """Image of Kueue."""
    pools: Sequence[GpuPool]
    """Nodes with GPUs."""
    teams: Sequence[QueuedTeam]
    """Every team of the stack, and its quotas."""
    webhook_certificate: ServerCertificate
    """Issued for `kueue_controller.webhook_host(namespace)`."""
    frameworks: Sequence[Framework] = ()
    """Kinds of jobs that queue besides Jobs and pods; the cluster has their definitions."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the controller's metrics."""
    replicas: int = 1
    """Pods of the controller."""
    after: Sequence[pulumi.Resource] = ()
    """What is in force before the first queue admits anything."""
    former: FormerParent | None = None
    """Where the objects once were; the controller keeps the selector of that time."""

    def __post_init__(self) -> None:
        """Reject quotas that Kueue would accept but that could never be used."""
        problems = team_quotas.problems(self.pools, self.teams)
        if problems:
            raise ValueError(f"pools, teams: {'; '.join(problems)}")


class KueueQueues(pulumi.ComponentResource):
    """The controller, the flavors of what it counts, and a ClusterQueue per team in one cohort."""

    cluster_queues: Mapping[str, pulumi.Resource]
    """By team; the team's namespace comes after it, because its pods have finalizers of Kueue's."""

    def __init__(self, name: str, args: KueueQueuesArgs, opts: ResourceOptions | None = None) -> None:
        shown = {"pools": [pool.name for pool in args.pools], "teams": [team.name for team in args.teams]}
        super().__init__("plinth:index:KueueQueues", name, shown, opts)
        self._name = name
        self._args = args
        self._labels = labels("queues", name, "queues")
        controller = self._controller()
        self.cluster_queues = self._queues([*controller.ready, *args.after])
        self.register_outputs({})

    def _child(self, suffix: str, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        former = self._args.former
        aliases: list[pulumi.Input[pulumi.Alias | str]] = [former.alias(suffix)] if former else []
        return ResourceOptions(parent=self, depends_on=[*after], aliases=aliases)

    def _controller(self) -> KueueController:
        args = self._args
        suffix = "kueue"
        return KueueController(
            f"{self._name}-{suffix}",
            KueueControllerArgs(
                namespace=args.namespace,
                image=args.controller_image,
                webhook_certificate=args.webhook_certificate,
                scrapers=args.scrapers,
                replicas=args.replicas,
                cpu_teams=[team.name for team in args.teams if team.cpu_quota is not None],
                frameworks=args.frameworks,
                instance=f"{args.former.name}-{suffix}" if args.former else "",
            ),
            self._child(suffix),
        )

    def _queues(self, after: list[pulumi.Resource]) -> dict[str, pulumi.Resource]:
        """Create flavors, then the cohort, then a ClusterQueue per team; return the queues by team."""
        queues: dict[str, pulumi.Resource] = {}
        flavors: list[pulumi.Resource] = []
        for rendered in team_quotas.objects(self._args.pools, self._args.teams):
            match rendered["kind"]:
                case "ResourceFlavor":
                    flavors.append(self._object(rendered, after))
                case "Cohort":
                    # Each queue waits for this one object, and with it for every flavor.
                    after = [self._object(rendered, [*after, *flavors])]
                case _:
                    queues[rendered["metadata"]["name"]] = self._object(rendered, after)
        return queues

    def _object(
        self, rendered: dict[str, Any], after: Sequence[pulumi.Resource]
    ) -> kubernetes.apiextensions.CustomResource:
        kind: str = rendered["kind"]
        role = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind)
        object_name: str = rendered["metadata"]["name"]
        suffix = f"{role.removeprefix('-')}-{object_name}"
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-{suffix}",
            api_version=rendered["apiVersion"],
            kind=kind,
            metadata={"name": object_name, "labels": self._labels},
            spec=rendered["spec"],
            opts=self._child(suffix, after),
        )
