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


def localhost_spec(
    gateway: GatewayConnection, prefix: str, service: pulumi.Input[str], port: int
) -> dict[str, Any]:
    """Return the spec of a route from `http://localhost`, below a path, to a Service.

    Clients that take only an address, on a machine that does not resolve the platform's hosts, connect to
    localhost. No other host is routed by path: a page from elsewhere, opened in a browser on this machine,
    must not reach an API by a name that resolves to 127.0.0.1.
    """
    return {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": ["localhost"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
                "backendRefs": [{"name": service, "port": port}],
            }
        ],
    }


def deploy(
    owner: Owner,
    gateway: GatewayConnection,
    host: str,
    *,
    name: str,
    service: pulumi.Input[str],
    port: int,
    localhost_prefix: str = "",
) -> None:
    """Create the routes of a component.

    Args:
        owner: The component.
        gateway: The gateway that serves the routes.
        host: First label of the component's own host.
        name: Name of the route; that of localhost has the suffix `-localhost`.
        service: The Service behind them.
        port: Its port.
        localhost_prefix: Path below `http://localhost` that also leads to the Service; by default none does.
    """
    specs = {"": spec(gateway, host, service, port)}
    if localhost_prefix:
        specs["-localhost"] = localhost_spec(gateway, localhost_prefix, service, port)
    for suffix, body in specs.items():
        kubernetes.apiextensions.CustomResource(
            f"{owner.component}-route{suffix}",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=owner.metadata(f"{name}{suffix}"),
            spec=body,
            opts=owner.child(),
        )
