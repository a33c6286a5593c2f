"""NVIDIA's device plugin on every GPU node: whole GPUs, slices or turns, and no device that is unhealthy."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.gpus.gpu_queues import GPU_RESOURCE, POOL_LABEL, TOLERATION, GpuPool, Mig, TimeSlicing
from components.shapes import pod_inputs, pod_security
from components.shapes.labels import labels, selector
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.versions import upstream_version

_PROJECT = "nvidia-device-plugin"
_MODULE = "github.com/NVIDIA/k8s-device-plugin"
_SOCKETS = "/var/lib/kubelet/device-plugins"
_SETTINGS_FOLDER = "/etc/nvidia-device-plugin"
_SETTINGS_FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class NvidiaDevicePluginArgs:
    """What the device plugin needs to know."""

    image: pulumi.Input[str]
    """The plugin."""
    pools: Sequence[GpuPool]
    """Pools whose nodes have no plugin of their own, as those of AL2023."""
    namespace: str = "nvidia-device-plugin"
    """A namespace of its own: the plugin hands the kubelet a socket on the node."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a plugin that would run nowhere."""
        if not self.pools:
            raise ValueError("pools: none; leave out the device plugin where no node has a GPU")


def groups(pools: Sequence[GpuPool]) -> dict[str, list[GpuPool]]:
    """Return the pools by how their GPUs are divided: each way needs a plugin with other settings."""
    found: dict[str, list[GpuPool]] = {}
    for pool in pools:
        match pool.sharing:
            case Mig():
                name = "mig"
            case TimeSlicing(replicas=replicas):
                name = f"time-slicing-{replicas}"
            case None:
                name = "whole"
        found.setdefault(name, []).append(pool)
    return found


def settings(sharing: Mig | TimeSlicing | None) -> dict[str, Any]:
    """Return the plugin's configuration."""
    found: dict[str, Any] = {
        "version": "v1",
        "flags": {
            # `single`: a slice is called nvidia.com/gpu like a whole one, and counts as one in a quota. On a
            # node that is not cut yet the plugin fails and tries again, instead of offering whole GPUs.
            "migStrategy": "single" if isinstance(sharing, Mig) else "none",
            "failOnInitError": True,
        },
    }
    if isinstance(sharing, TimeSlicing):
        found["sharing"] = {
            "timeSlicing": {
                # Two turns of one GPU are no second GPU: who asks for two is told so.
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": GPU_RESOURCE, "replicas": sharing.replicas}],
            }
        }
    return found


class NvidiaDevicePlugin(pulumi.ComponentResource):
    """One DaemonSet for each way in which GPUs are divided."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: NvidiaDevicePluginArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:NvidiaDevicePlugin", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._labels = {
            **labels("nvidia-device-plugin", name, "plugin", version=version),
            **args.extra_labels,
        }
        own = PlatformNamespaceArgs(
            # Host folders are beyond every stricter level.
            namespace=args.namespace,
            pod_security="privileged",
            extra_labels=args.extra_labels,
        )
        self.namespace = PlatformNamespace(f"{name}-namespace", own, ResourceOptions(parent=self)).namespace
        for group, pools in groups(args.pools).items():
            self._plugin(group, pools)
        self.register_outputs({"namespace": self.namespace})

    def _plugin(self, group: str, pools: list[GpuPool]) -> None:
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": group,
            "namespace": self.namespace,
            "labels": self._labels,
        }
        text = json.dumps(settings(pools[0].sharing), indent=1, sort_keys=True)
        configuration = kubernetes.core.v1.ConfigMap(
            f"{self._name}-{group}-settings",
            metadata=metadata,
            data={_SETTINGS_FILE: text},
            opts=ResourceOptions(parent=self),
        )
        own = {**selector("nvidia-device-plugin", self._name), "app.kubernetes.io/component": group}
        kubernetes.apps.v1.DaemonSet(
            f"{self._name}-{group}",
            metadata=metadata,
            spec={
                "selector": {"match_labels": own},
                "update_strategy": {"type": "RollingUpdate"},
                "template": {
                    # The plugin reads its settings once: other settings are other pods.
                    "metadata": {
                        "labels": {**self._labels, **own},
                        "annotations": {"plinth.dev/settings": text},
                    },
                    "spec": self._pod([pool.name for pool in pools], group),
                },
            },
            opts=ResourceOptions(parent=self, depends_on=[configuration]),
        )

    def _pod(self, pools: list[str], settings_map: str) -> kubernetes.core.v1.PodSpecArgsDict:
        container: kubernetes.core.v1.ContainerArgsDict = {
            "name": "plugin",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["nvidia-device-plugin"],
            "args": [f"--config-file={_SETTINGS_FOLDER}/{_SETTINGS_FILE}"],
            # Empty: every check of NVIDIA's runs, and a device that fails one is offered no more.
            "env": pod_inputs.plain_env({"DP_DISABLE_HEALTHCHECKS": ""}),
            # Without a driver it ends at once: the pod's own status says so.
            "termination_message_policy": "FallbackToLogsOnError",
            "resources": pod_security.sizes(cpu="10m", memory="64Mi", memory_limit="256Mi"),
            # As root, for the kubelet's folder belongs to root; without any capability.
            "security_context": pod_security.container_context(),
            "volume_mounts": [
                {"name": "sockets", "mount_path": _SOCKETS},
                {"name": "settings", "mount_path": _SETTINGS_FOLDER, "read_only": True},
            ],
        }
        return {
            "automount_service_account_token": False,
            "enable_service_links": False,
            "priority_class_name": "system-node-critical",
            "security_context": {"run_as_user": 0, "seccomp_profile": {"type": "RuntimeDefault"}},
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
            "containers": [container],
            "volumes": [
                {"name": "sockets", "host_path": {"path": _SOCKETS, "type": "Directory"}},
                {"name": "settings", "config_map": {"name": settings_map}},
            ],
        }
