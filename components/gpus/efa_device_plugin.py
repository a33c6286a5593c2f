"""AWS's device plugin for Elastic Fabric Adapters, on the nodes of pools that have them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.gpus import device_plugin
from components.gpus.device_plugin import SOCKETS, DevicePlugin
from components.gpus.gpu_pools import EFA_RESOURCE
from components.shapes import pod_security, server_pods
from components.shapes.owner import Owner
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.shapes.server_pods import Mount

NAMESPACE = "efa-device-plugin"
"""A namespace of its own, because the plugin mounts folders of the node."""
_ADAPTERS = "/dev/infiniband"


@dataclass(frozen=True, kw_only=True)
class EfaDevicePluginArgs:
    """Inputs of `EfaDevicePlugin`."""

    image: pulumi.Input[str]
    """Image of the plugin."""
    version: str
    """Its version."""
    pools: Sequence[str]
    """Pools whose nodes have adapters; on any other node the plugin ends at once, again and again."""

    def __post_init__(self) -> None:
        """Reject a plugin that would run nowhere."""
        if not self.pools:
            raise ValueError("pools: none; leave out the plugin where no node has an adapter")


class EfaDevicePlugin(pulumi.ComponentResource):
    """One DaemonSet: without it no pod gets an adapter, and training falls back to TCP."""

    def __init__(self, name: str, args: EfaDevicePluginArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:EfaDevicePlugin", name, {"version": args.version}, opts)
        namespace = PlatformNamespace(
            f"{name}-namespace",
            # Every stricter level rejects host folders and the node's network.
            PlatformNamespaceArgs(namespace=NAMESPACE, pod_security="privileged"),
            ResourceOptions(parent=self),
        ).namespace
        owner = Owner.of_product(
            self, name, namespace, product="efa-device-plugin", role="plugin", version=args.version
        )
        container = server_pods.container(
            "plugin",
            args.image,
            [],
            mounts=(SOCKETS, Mount(volume="adapters", path=_ADAPTERS, writable=True)),
            resources=pod_security.sizes(cpu="10m", memory="20Mi", memory_limit="256Mi"),
        )
        # AWS's chart makes it privileged, which only its other devices, Neuron's, need. Nowhere does it say
        # what the program writes.
        container["security_context"] = {
            **pod_security.container_context(),
            "read_only_root_filesystem": False,
        }
        device_plugin.deploy(
            owner,
            DevicePlugin(
                name="adapters",
                container=container,
                pools=args.pools,
                registers=EFA_RESOURCE,
                volumes=[{"name": "adapters", "host_path": {"path": _ADAPTERS, "type": "Directory"}}],
                # As AWS deploys it: it reads which instance it is on from the metadata service, which is
                # closed to the network of pods.
                host_network=True,
            ),
        )
        self.register_outputs({})
