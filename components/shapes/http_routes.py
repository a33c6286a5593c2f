"""HTTPRoutes of the Gateway API."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.connections import GatewayConnection
from components.shapes.owner import Owner


def spec(gateway: GatewayConnection, host: str, service: pulumi.Input[str], port: int) -> dict[str, Any]:
    """Return the spec of a route from a host of the platform to a Service in the route's own namespace.

    It matches the host alone: every path belongs to the service. `host` is the first label; the gateway's
    domain follows.
    """
    return {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": [f"{host}.{gateway.domain}"],
        "rules": [{"backendRefs": [{"name": service, "port": port}]}],
    }


def deploy(
    owner: Owner, gateway: GatewayConnection, host: str, *, name: str, service: pulumi.Input[str], port: int
) -> kubernetes.apiextensions.CustomResource:
    """Create the route of a component; all but `owner` and the route's `name` are arguments of `spec`."""
    return kubernetes.apiextensions.CustomResource(
        f"{owner.component}-route",
        api_version="gateway.networking.k8s.io/v1",
        kind="HTTPRoute",
        metadata=owner.metadata(name),
        spec=spec(gateway, host, service, port),
        opts=owner.child(),
    )
