"""The shape of a device plugin: pods on the nodes of GPU pools that register a resource with the kubelet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core import v1

from components.gpus.gpu_pools import POOL_LABEL, TOLERATION
from components.shapes import pod_security, server_pods
from components.shapes.labels import COMPONENT, REGISTERS
from components.shapes.owner import Owner
from components.shapes.server_pods import Mount

_SOCKETS: Final = "/var/lib/kubelet/device-plugins"
SOCKETS: Final = Mount(volume="sockets", path=_SOCKETS, writable=True)
"""The folder of the node where the kubelet and its plugins meet."""


@dataclass(frozen=True, kw_only=True)
class DevicePlugin:
    """One DaemonSet of a component."""

    name: str
    """Its name, the end of its Pulumi name, and the role of its pods."""
    container: v1.ContainerArgsDict
    """The plugin, which mounts `SOCKETS`."""
    pools: Sequence[str]
    """Pools on whose nodes it runs."""
    registers: str
    """The extended resource that it registers."""
    volumes: Sequence[v1.VolumeArgsDict] = ()
    """Volumes that it mounts besides `SOCKETS`."""
    host_network: bool = False
    """Whether it uses the network of the node."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Annotations of its pods: a change replaces them."""


def deploy(
    owner: Owner, plugin: DevicePlugin, after: Sequence[pulumi.Resource] = ()
) -> kubernetes.apps.v1.DaemonSet:
    """Create the DaemonSet of a device plugin."""
    own = {**owner.selector, COMPONENT: plugin.name}
    return kubernetes.apps.v1.DaemonSet(
        f"{owner.component}-{plugin.name}",
        metadata={**owner.metadata(plugin.name), "annotations": {REGISTERS: plugin.registers}},
        spec={
            "selector": {"match_labels": own},
            "update_strategy": {"type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": {**owner.labels, **own}, "annotations": plugin.annotations},
                "spec": _pod(plugin),
            },
        },
        opts=owner.child(after),
    )


def _pod(plugin: DevicePlugin) -> v1.PodSpecArgsDict:
    pod = server_pods.pod(
        # Without its devices it exits at once: the pod's own status then shows the reason.
        {**plugin.container, "termination_message_policy": "FallbackToLogsOnError"},
        volumes=[
            {"name": SOCKETS.volume, "host_path": {"path": _SOCKETS, "type": "Directory"}},
            *plugin.volumes,
        ],
        scratch=None,
        # The kubelet's folder belongs to root; the container has no capability all the same.
        user=pod_security.ROOT,
        priority_class="system-node-critical",
        grace_seconds=None,
    )
    pod["affinity"] = {
        "node_affinity": {
            "required_during_scheduling_ignored_during_execution": {
                "node_selector_terms": [
                    {"match_expressions": [{"key": POOL_LABEL, "operator": "In", "values": [*plugin.pools]}]}
                ]
            }
        }
    }
    pod["tolerations"] = [
        {"key": TOLERATION["key"], "operator": TOLERATION["operator"], "effect": TOLERATION["effect"]}
    ]
    if plugin.host_network:
        pod["host_network"] = True
    return pod
