"""The Kubernetes provider of a cluster, existing or created by the stack, and where its API answers."""

from ipaddress import ip_address
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import network_policies
from components.shapes.network_policies import EgressRule, Peer


def make(
    name: str, *, kubeconfig: pulumi.Input[str] | None, context: str | None = None
) -> kubernetes.Provider:
    """Return the provider that creates every object of a cluster.

    Args:
        name: identifies the cluster in Pulumi's state.
        kubeconfig: its content; without it the provider reads KUBECONFIG, and moving the file is no change.
        context: context of the kubeconfig; the current one by default.
    """
    return kubernetes.Provider(
        name,
        # It may hold a key.
        kubeconfig=None if kubeconfig is None else pulumi.Output.secret(kubeconfig),
        context=context,
        # Otherwise a changed kubeconfig would replace the provider, and every object with it.
        cluster_identifier=name,
        enable_server_side_apply=True,
        # Otherwise changed data would replace the object.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # Several hundred objects are created at once; the client's default limits would queue them.
        # After every new definition a busy API server needs long to serve its OpenAPI document.
        kube_client_settings={"qps": 100, "burst": 200, "timeout": 120},
    )


def api_server(provider: kubernetes.Provider) -> EgressRule:
    """Return the rule that lets pods reach the API servers of an existing cluster, and no other address.

    The API servers write their own addresses into this object. Policies are applied to them, and not to the
    address of the Service in front of them, which the node translates first.
    """
    found = kubernetes.discovery.v1.EndpointSlice.get(
        "api-server", "default/kubernetes", pulumi.ResourceOptions(provider=provider)
    )
    ports: Any = found.ports.apply(lambda known: [{"port": each.port, "protocol": "TCP"} for each in known])
    return {"to": found.endpoints.apply(_peers), "ports": ports}


def _peers(endpoints: Any) -> list[Peer]:
    addresses = sorted(ip_address(address) for each in endpoints for address in each.addresses)
    return [network_policies.addresses(f"{each}/{each.max_prefixlen}") for each in addresses]
