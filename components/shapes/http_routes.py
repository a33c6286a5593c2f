"""HTTPRoutes of the Gateway API, as a pure builder."""

from typing import Any

import pulumi

from components.connections import GatewayConnection


def spec(gateway: GatewayConnection, host: str, service: pulumi.Input[str], port: int) -> dict[str, Any]:
    """Return the spec of a route from `<host>.<domain>` to a Service of the route's own namespace.

    It matches the host alone: every path belongs to the service.
    """
    return {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": [f"{host}.{gateway.domain}"],
        "rules": [{"backendRefs": [{"name": service, "port": port}]}],
    }
