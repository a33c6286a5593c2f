"""Quotas of teams over GPU pools by Kueue, devices by NVIDIA's plugin, and GPU nodes for GPU pods alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus import gpu_admission, gpu_queues
from components.gpus.gpu_queues import GpuPool, GpuTeam
from components.gpus.kueue_controller import KueueController, KueueControllerArgs
from components.gpus.nvidia_device_plugin import NvidiaDevicePlugin, NvidiaDevicePluginArgs
from components.shapes import network_policies
from components.shapes.labels import labels
from components.teams.team_profile import TeamProfile, TeamProfileArgs


@dataclass(frozen=True, kw_only=True)
class GpuSchedulingArgs:
    """What GPU scheduling needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace for the controller."""
    controller_image: pulumi.Input[str]
    """Kueue."""
    device_plugin_image: pulumi.Input[str]
    """NVIDIA's device plugin."""
    pools: Sequence[GpuPool]
    """Nodes with GPUs."""
    teams: Sequence[GpuTeam]
    """Who shares them."""
    webhook_ca: pulumi.Input[str]
    """Certificate authority of the webhooks, as PEM."""
    webhook_certificate: pulumi.Input[str]
    """Certificate for `kueue_controller.webhook_host(namespace)`, as PEM."""
    webhook_key: pulumi.Input[str]
    """The certificate's key, as PEM."""
    destinations: tuple[network_policies.EgressRule, ...] = ()
    """Where pods of the teams may connect to."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the controller's metrics."""
    replicas: int = 1
    """Of the controller."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse quotas that Kueue would take and that could never be used."""
        problems = gpu_queues.problems(self.pools, self.teams)
        if problems:
            raise ValueError(f"pools, teams: {'; '.join(problems)}")


class GpuScheduling(pulumi.ComponentResource):
    """Kueue with the queues of all teams, the device plugin, and the policies of GPU nodes."""

    queues: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: GpuSchedulingArgs, opts: ResourceOptions | None = None) -> None:
        shown = {"pools": [pool.name for pool in args.pools], "teams": [team.name for team in args.teams]}
        super().__init__("plinth:index:GpuScheduling", name, shown, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("gpu-scheduling", name, "queues"), **args.extra_labels}
        # What asks for a GPU must tolerate from the first pod on.
        policies = [self._object(each, self._child) for each in gpu_admission.objects()]
        self._device_plugin()
        controller = self._controller()
        queues = self._queues([*controller.ready, *policies])
        self.queues = {team.name: self._profile(team, queues[team.name]).queue for team in args.teams}
        self.register_outputs({"queues": self.queues})

    def _object(
        self, rendered: dict[str, Any], opts: ResourceOptions
    ) -> kubernetes.apiextensions.CustomResource:
        kind: str = rendered["kind"]
        role = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind)
        object_name: str = rendered["metadata"]["name"]
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}{role}-{object_name}",
            api_version=rendered["apiVersion"],
            kind=kind,
            metadata={"name": object_name, "labels": self._labels},
            spec=rendered["spec"],
            opts=opts,
        )

    def _device_plugin(self) -> None:
        if not self._args.pools:
            return
        NvidiaDevicePlugin(
            f"{self._name}-device-plugin",
            NvidiaDevicePluginArgs(
                image=self._args.device_plugin_image,
                pools=self._args.pools,
                extra_labels=self._args.extra_labels,
            ),
            self._child,
        )

    def _controller(self) -> KueueController:
        args = self._args
        return KueueController(
            f"{self._name}-kueue",
            KueueControllerArgs(
                namespace=args.namespace,
                image=args.controller_image,
                webhook_ca=args.webhook_ca,
                webhook_certificate=args.webhook_certificate,
                webhook_key=args.webhook_key,
                scrapers=args.scrapers,
                replicas=args.replicas,
                extra_labels=args.extra_labels,
            ),
            self._child,
        )

    def _queues(self, after: list[pulumi.Resource]) -> dict[str, pulumi.Resource]:
        """Make flavors, then the cohort, then a ClusterQueue per team; return these by team."""
        made: dict[str, pulumi.Resource] = {}
        flavors: list[pulumi.Resource] = []
        for rendered in gpu_queues.objects(self._args.pools, self._args.teams):
            opts = ResourceOptions(parent=self, depends_on=after)
            match rendered["kind"]:
                case "ResourceFlavor":
                    flavors.append(self._object(rendered, opts))
                case "Cohort":
                    # Each queue waits for this one object, and with it for every flavor.
                    after = [
                        self._object(rendered, ResourceOptions(parent=self, depends_on=[*after, *flavors]))
                    ]
                case _:
                    made[rendered["metadata"]["name"]] = self._object(rendered, opts)
        return made

    def _profile(self, team: GpuTeam, queue: pulumi.Resource) -> TeamProfile:
        return TeamProfile(
            f"{self._name}-{team.name}",
            TeamProfileArgs(
                team=team.name,
                destinations=self._args.destinations,
                extra_labels=self._args.extra_labels,
                after=(queue,),
            ),
            self._child,
        )
