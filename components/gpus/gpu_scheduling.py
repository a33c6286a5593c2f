"""GPU scheduling: team quotas by Kueue, devices by NVIDIA's plugin, and admission policies of GPU nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from components.shapes.server_certificate import ServerCertificate


@dataclass(frozen=True, kw_only=True)
class GpuSchedulingArgs:
    """Inputs of `GpuScheduling`."""

    namespace: pulumi.Input[str]
    """Namespace of the controller, which denies traffic by default."""
    controller_image: pulumi.Input[str]
    """Image of Kueue."""
    device_plugin_image: pulumi.Input[str]
    """Image of NVIDIA's device plugin."""
    pools: Sequence[GpuPool]
    """Nodes with GPUs."""
    teams: Sequence[GpuTeam]
    """Quotas of the teams that share them."""
    webhook_certificate: ServerCertificate
    """Issued for `kueue_controller.webhook_host(namespace)`."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the controller's metrics."""
    replicas: int = 1
    """Pods of the controller."""

    def __post_init__(self) -> None:
        """Reject quotas that Kueue would accept but that could never be used."""
        problems = gpu_queues.problems(self.pools, self.teams)
        if problems:
            raise ValueError(f"pools, teams: {'; '.join(problems)}")


class GpuScheduling(pulumi.ComponentResource):
    """Kueue with a ClusterQueue per team, the device plugin, and the admission policies of GPU nodes."""

    cluster_queues: Mapping[str, pulumi.Resource]
    """By team; the team's namespace comes after it, because its pods have finalizers of Kueue's."""

    def __init__(self, name: str, args: GpuSchedulingArgs, opts: ResourceOptions | None = None) -> None:
        shown = {"pools": [pool.name for pool in args.pools], "teams": [team.name for team in args.teams]}
        super().__init__("plinth:index:GpuScheduling", name, shown, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = labels("gpu-scheduling", name, "queues")
        # In force before the first pod that requests a GPU is admitted.
        policies = [
            self._object(each, self._child) for each in gpu_admission.objects(shared=bool(args.teams))
        ]
        self._device_plugin()
        controller = self._controller()
        self.cluster_queues = self._queues([*controller.ready, *policies])
        self.register_outputs({})

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
                webhook_certificate=args.webhook_certificate,
                scrapers=args.scrapers,
                replicas=args.replicas,
            ),
            self._child,
        )

    def _queues(self, after: list[pulumi.Resource]) -> dict[str, pulumi.Resource]:
        """Create flavors, then the cohort, then a ClusterQueue per team; return the queues by team."""
        queues: dict[str, pulumi.Resource] = {}
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
                    queues[rendered["metadata"]["name"]] = self._object(rendered, opts)
        return queues
