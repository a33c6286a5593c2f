"""HTTPRoutes of the Gateway API."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.connections import GatewayConnection
from components.shapes.owner import Owner


def spec(
    gateway: GatewayConnection, hostname: str, service: pulumi.Input[str], port: int, *, prefix: str = ""
) -> dict[str, Any]:
    """Return the spec of a route from a host to a Service in the route's own namespace.

    Args:
        gateway: The gateway that serves the route.
        hostname: The whole name of the host.
        service: The Service.
        port: Its port.
        prefix: Path below which requests belong to the Service; by default every path does.
    """
    matches = {"matches": [{"path": {"type": "PathPrefix", "value": prefix}}]} if prefix else {}
    return {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": [hostname],
        "rules": [{**matches, "backendRefs": [{"name": service, "port": port}]}],
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
        host: First label of the component's own host; the gateway's domain follows.
        name: Name of the route; that of localhost has the suffix `-localhost`.
        service: The Service behind them.
        port: Its port.
        localhost_prefix: Path below `http://localhost` that also leads to the Service; by default none does.
            It is for clients that take only an address, on a machine that does not resolve the platform's
            hosts. No other host is routed by path: a page from elsewhere, opened in a browser on this
            machine, must not reach an API by a name that resolves to 127.0.0.1.
    """
    specs = {"": spec(gateway, f"{host}.{gateway.domain}", service, port)}
    if localhost_prefix:
        specs["-localhost"] = spec(gateway, "localhost", service, port, prefix=localhost_prefix)
    for suffix, body in specs.items():
        kubernetes.apiextensions.CustomResource(
            f"{owner.component}-route{suffix}",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=owner.metadata(f"{name}{suffix}"),
            spec=body,
            opts=owner.child(),
        )
