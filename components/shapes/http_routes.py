"""HTTPRoutes of the Gateway API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.connections import GatewayConnection
from components.shapes.owner import Owner


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Paths of a server that clients outside the cluster need; the gateway answers 404 to all others."""

    below: tuple[str, ...]
    """Each with everything below it."""
    exact: tuple[str, ...] = ()
    """Each alone."""

    def matches(self) -> list[dict[str, Any]]:
        """Return the matches of a route's rule."""
        prefixes = [{"path": {"type": "PathPrefix", "value": path}} for path in self.below]
        return [*prefixes, *({"path": {"type": "Exact", "value": path}} for path in self.exact)]

    def rules(self, below: str) -> list[dict[str, Any]]:
        """Return rules that publish the paths below another, which the server does not see.

        A rule replaces one path: each is a rule of its own. Where an exact path is matched, the API takes no
        prefix to replace.
        """
        below_it = [
            _rewrite(
                "PathPrefix", f"{below}{path}", {"type": "ReplacePrefixMatch", "replacePrefixMatch": path}
            )
            for path in self.below
        ]
        alone = [
            _rewrite("Exact", f"{below}{path}", {"type": "ReplaceFullPath", "replaceFullPath": path})
            for path in self.exact
        ]
        return [*below_it, *alone]


def _rewrite(kind: str, path: str, replacement: Mapping[str, str]) -> dict[str, Any]:
    """Return a rule that matches one path and replaces it."""
    return {
        "matches": [{"path": {"type": kind, "value": path}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": replacement}}],
    }


def spec(
    gateway: GatewayConnection,
    hostname: str,
    service: pulumi.Input[str],
    port: int,
    paths: Paths | None = None,
    below: str = "/",
    set_headers: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """Return the spec of a route from a host to a Service in the route's own namespace."""
    rules: list[dict[str, Any]] = [{}]
    if paths:
        rules = [{"matches": paths.matches()}] if below == "/" else paths.rules(below)
    if set_headers:
        rules = [{**each, "filters": [*each.get("filters", []), _setting(set_headers)]} for each in rules]
    backends = {"backendRefs": [{"name": service, "port": port}]}
    return {
        "parentRefs": [{"name": gateway.name, "namespace": gateway.namespace}],
        "hostnames": [hostname],
        "rules": [{**each, **backends} for each in rules],
    }


def _setting(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the filter that sets headers of a request, whatever the client sent of them."""
    values = [{"name": name, "value": value} for name, value in headers.items()]
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": values}}


def deploy(  # noqa: PLR0913 - what routes of the platform differ in
    owner: Owner,
    gateway: GatewayConnection,
    host: str,
    *,
    name: str,
    service: pulumi.Input[str],
    port: int,
    paths: Paths | None = None,
    localhost: str = "",
    set_headers: Mapping[str, str] | None = None,
) -> None:
    """Create the routes of a component.

    Args:
        owner: The component.
        gateway: The gateway that serves the routes.
        host: First label of the component's own host; the gateway's domain follows.
        name: Name of the route; that of localhost has the suffix `-localhost`.
        service: The Service behind them.
        port: Its port.
        paths: What of the Service is published; by default every path.
        localhost: Path of `http://localhost` below which the same paths also lead to the Service; without it
            none does. It is for clients that take only an address, on a machine that does not resolve the
            platform's hosts. No other host is shared: a page from elsewhere, opened in a browser on this
            machine, must not reach an API by a name that resolves to 127.0.0.1.
        set_headers: Headers that the Service gets with every request, whatever the client sent of them.
    """
    published = {"": (f"{host}.{gateway.domain}", "/")}
    if localhost:
        published["-localhost"] = ("localhost", localhost)
    for suffix, (hostname, below) in published.items():
        kubernetes.apiextensions.CustomResource(
            f"{owner.component}-route{suffix}",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=owner.metadata(f"{name}{suffix}"),
            spec=spec(gateway, hostname, service, port, paths, below, set_headers),
            opts=owner.child(),
        )
