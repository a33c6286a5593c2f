"""NVIDIA's device plugin on every GPU node: it offers healthy GPUs, whole, cut by MIG or time-sliced."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus import device_plugin
from components.gpus.device_plugin import SOCKETS, DevicePlugin
from components.gpus.gpu_pools import GPU_RESOURCE, GpuPool, Mig, TimeSlicing
from components.shapes import pod_inputs, pod_security, server_pods
from components.shapes.owner import Owner
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.shapes.server_pods import Mount
from components.versions import upstream_version

NAMESPACE = "nvidia-device-plugin"
"""A namespace of its own, because the plugin serves the kubelet through a socket on the node."""
_PROJECT = "nvidia-device-plugin"
_MODULE = "github.com/NVIDIA/k8s-device-plugin"
_SETTINGS_FOLDER = "/etc/nvidia-device-plugin"
_SETTINGS_FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class NvidiaDevicePluginArgs:
    """Inputs of `NvidiaDevicePlugin`."""

    image: pulumi.Input[str]
    """Image of the plugin."""
    pools: Sequence[GpuPool]
    """Pools whose nodes bring no plugin, such as those of AL2023."""

    def __post_init__(self) -> None:
        """Reject a plugin that would run nowhere."""
        if not self.pools:
            raise ValueError("pools: none; leave out the device plugin where no node has a GPU")


def groups(pools: Sequence[GpuPool]) -> dict[str, list[GpuPool]]:
    """Group pools by how their GPUs are divided: each way needs a plugin with its own settings."""
    grouped: dict[str, list[GpuPool]] = {}
    for pool in pools:
        match pool.sharing:
            case Mig():
                name = "mig"
            case TimeSlicing(replicas=replicas):
                name = f"time-slicing-{replicas}"
            case None:
                name = "whole"
        grouped.setdefault(name, []).append(pool)
    return grouped


def settings(sharing: Mig | TimeSlicing | None) -> dict[str, Any]:
    """Return the plugin's configuration."""
    configuration: dict[str, Any] = {
        "version": "v1",
        "flags": {
            # `single`: a slice is called nvidia.com/gpu like a whole GPU, and counts as one in a quota. On a
            # node that is not cut yet, the plugin fails and retries instead of offering whole GPUs.
            "migStrategy": "single" if isinstance(sharing, Mig) else "none",
            "failOnInitError": True,
        },
    }
    if isinstance(sharing, TimeSlicing):
        configuration["sharing"] = {
            "timeSlicing": {
                # Two slices of one GPU are not two GPUs: a request for two is rejected.
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": GPU_RESOURCE, "replicas": sharing.replicas}],
            }
        }
    return configuration


def environment(sharing: Mig | TimeSlicing | None) -> dict[str, str]:
    """Return the environment of the plugin."""
    return {
        # Empty: all of NVIDIA's health checks run, and a device that fails one is no longer offered.
        "DP_DISABLE_HEALTHCHECKS": "",
        # Without it the container sees the GPUs, but not how they are cut.
        **({"NVIDIA_MIG_MONITOR_DEVICES": "all"} if isinstance(sharing, Mig) else {}),
    }


def container_context(sharing: Mig | TimeSlicing | None) -> kubernetes.core.v1.SecurityContextArgsDict:
    """Return what the plugin may do: NVIDIA's runtime shows slices only to a container with SYS_ADMIN."""
    context = pod_security.container_context()
    if not isinstance(sharing, Mig):
        return context
    # The API server refuses the capability together with a ban on privilege escalation.
    context["allow_privilege_escalation"] = True
    context["capabilities"] = {"drop": ["ALL"], "add": ["SYS_ADMIN"]}
    return context


class NvidiaDevicePlugin(pulumi.ComponentResource):
    """One DaemonSet for each way in which GPUs are divided."""

    def __init__(self, name: str, args: NvidiaDevicePluginArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:NvidiaDevicePlugin", name, {"version": version}, opts)
        self._args = args
        namespace = PlatformNamespace(
            f"{name}-namespace",
            # Every stricter level rejects host folders.
            PlatformNamespaceArgs(namespace=NAMESPACE, pod_security="privileged"),
            ResourceOptions(parent=self),
        ).namespace
        self._owner = Owner.of_product(
            self, name, namespace, product="nvidia-device-plugin", role="plugin", version=version
        )
        for group, pools in groups(args.pools).items():
            self._plugin(group, pools)
        self.register_outputs({})

    def _plugin(self, group: str, pools: list[GpuPool]) -> None:
        owner = self._owner
        sharing = pools[0].sharing
        text = json.dumps(settings(sharing), indent=1, sort_keys=True)
        configuration = kubernetes.core.v1.ConfigMap(
            f"{owner.component}-{group}-settings",
            metadata=owner.metadata(group),
            data={_SETTINGS_FILE: text},
            opts=owner.child(),
        )
        device_plugin.deploy(
            owner,
            DevicePlugin(
                name=group,
                container=self._container(sharing),
                pools=[pool.name for pool in pools],
                registers=GPU_RESOURCE,
                volumes=[{"name": "settings", "config_map": {"name": group}}],
                # The plugin reads its settings once: changed settings need new pods.
                annotations={"plinth.dev/settings": text},
            ),
            [configuration],
        )

    def _container(self, sharing: Mig | TimeSlicing | None) -> kubernetes.core.v1.ContainerArgsDict:
        container = server_pods.container(
            "plugin",
            self._args.image,
            ["nvidia-device-plugin", f"--config-file={_SETTINGS_FOLDER}/{_SETTINGS_FILE}"],
            env=pod_inputs.plain_env(environment(sharing)),
            mounts=(SOCKETS, Mount(volume="settings", path=_SETTINGS_FOLDER)),
            resources=pod_security.sizes(cpu="10m", memory="64Mi", memory_limit="256Mi"),
        )
        container["security_context"] = container_context(sharing)
        return container
