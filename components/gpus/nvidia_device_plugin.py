"""NVIDIA's device plugin on every GPU node: it offers healthy GPUs, whole, cut by MIG or time-sliced."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus.gpu_queues import GPU_RESOURCE, POOL_LABEL, TOLERATION, GpuPool, Mig, TimeSlicing
from components.shapes import pod_inputs, pod_security, server_pods
from components.shapes.labels import COMPONENT
from components.shapes.owner import Owner
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.shapes.server_pods import Mount
from components.versions import upstream_version

NAMESPACE = "nvidia-device-plugin"
"""A namespace of its own, because the plugin serves the kubelet through a socket on the node."""
_PROJECT = "nvidia-device-plugin"
_MODULE = "github.com/NVIDIA/k8s-device-plugin"
_SOCKETS = "/var/lib/kubelet/device-plugins"
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
        metadata = owner.metadata(group)
        text = json.dumps(settings(pools[0].sharing), indent=1, sort_keys=True)
        configuration = kubernetes.core.v1.ConfigMap(
            f"{owner.component}-{group}-settings",
            metadata=metadata,
            data={_SETTINGS_FILE: text},
            opts=owner.child(),
        )
        own = {**owner.selector, COMPONENT: group}
        kubernetes.apps.v1.DaemonSet(
            f"{owner.component}-{group}",
            metadata=metadata,
            spec={
                "selector": {"match_labels": own},
                "update_strategy": {"type": "RollingUpdate"},
                "template": {
                    # The plugin reads its settings once: changed settings need new pods.
                    "metadata": {
                        "labels": {**owner.labels, **own},
                        "annotations": {"plinth.dev/settings": text},
                    },
                    "spec": self._pod([pool.name for pool in pools], group),
                },
            },
            opts=owner.child([configuration]),
        )

    def _pod(self, pools: list[str], settings_map: str) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            "plugin",
            self._args.image,
            ["nvidia-device-plugin", f"--config-file={_SETTINGS_FOLDER}/{_SETTINGS_FILE}"],
            # Empty: all of NVIDIA's health checks run, and a device that fails one is no longer offered.
            env=pod_inputs.plain_env({"DP_DISABLE_HEALTHCHECKS": ""}),
            mounts=(
                Mount(volume="sockets", path=_SOCKETS, writable=True),
                Mount(volume="settings", path=_SETTINGS_FOLDER),
            ),
            resources=pod_security.sizes(cpu="10m", memory="64Mi", memory_limit="256Mi"),
        )
        # Without a driver it exits at once: the pod's own status then shows the reason.
        container["termination_message_policy"] = "FallbackToLogsOnError"
        pod = server_pods.pod(
            container,
            volumes=[
                {"name": "sockets", "host_path": {"path": _SOCKETS, "type": "Directory"}},
                {"name": "settings", "config_map": {"name": settings_map}},
            ],
            scratch=None,
            # The kubelet's folder belongs to root; the container has no capability all the same.
            user=pod_security.ROOT,
            priority_class="system-node-critical",
            grace_seconds=None,
        )
        return {
            **pod,
            "affinity": {
                "node_affinity": {
                    "required_during_scheduling_ignored_during_execution": {
                        "node_selector_terms": [
                            {"match_expressions": [{"key": POOL_LABEL, "operator": "In", "values": pools}]}
                        ]
                    }
                }
            },
            "tolerations": [
                {
                    "key": TOLERATION["key"],
                    "operator": TOLERATION["operator"],
                    "effect": TOLERATION["effect"],
                }
            ],
        }
