"""GPU scheduling: devices by NVIDIA's plugin, and admission policies of GPU nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus import gpu_admission
from components.gpus.gpu_pools import GpuPool
from components.gpus.nvidia_device_plugin import NvidiaDevicePlugin, NvidiaDevicePluginArgs
from components.shapes.labels import labels


@dataclass(frozen=True, kw_only=True)
class GpuSchedulingArgs:
    """Inputs of `GpuScheduling`."""

    device_plugin_image: pulumi.Input[str]
    """Image of NVIDIA's device plugin."""
    pools: Sequence[GpuPool]
    """Nodes with GPUs."""
    shared: bool = True
    """Whether teams share them; outside of their namespaces no pod then gets a GPU."""


class GpuScheduling(pulumi.ComponentResource):
    """The device plugin, and the admission policies of GPU nodes."""

    policies: Sequence[pulumi.Resource]
    """In force before the first pod that requests a GPU is admitted."""

    def __init__(self, name: str, args: GpuSchedulingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(
            "plinth:index:GpuScheduling", name, {"pools": [pool.name for pool in args.pools]}, opts
        )
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = labels("gpu-scheduling", name, "policies")
        self.policies = [self._policy(each) for each in gpu_admission.objects(shared=args.shared)]
        self._device_plugin()
        self.register_outputs({})

    def _policy(self, rendered: dict[str, Any]) -> kubernetes.apiextensions.CustomResource:
        kind: str = rendered["kind"]
        role = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind)
        object_name: str = rendered["metadata"]["name"]
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}{role}-{object_name}",
            api_version=rendered["apiVersion"],
            kind=kind,
            metadata={"name": object_name, "labels": self._labels},
            spec=rendered["spec"],
            opts=self._child,
        )

    def _device_plugin(self) -> None:
        if not self._args.pools:
            return
        NvidiaDevicePlugin(
            f"{self._name}-device-plugin",
            NvidiaDevicePluginArgs(image=self._args.device_plugin_image, pools=self._args.pools),
            self._child,
        )
