"""Each team's view of the metrics: Prometheus' query API, for series of the team's own namespaces alone."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.shapes import cluster_service, http_routes, network_policies, pod_security, server_pods
from components.shapes.owner import Owner
from components.versions import upstream_version

PORT: Final = 8080
PRODUCT: Final = "prom-label-proxy"
HEADER: Final = "X-Plinth-Namespaces"
"""Header with the namespaces whose series a request may see; each route sets its own."""
_MODULE: Final = "github.com/prometheus-community/prom-label-proxy"
_PROMETHEUS_PORT: Final = 9090
# What reads series. Rules and targets are the platform's; alerts that fire are series, too: `ALERTS`.
_PUBLISHED: Final = http_routes.Paths(
    below=tuple(f"/api/v1/{each}" for each in ("label", "labels", "query", "query_range", "series"))
)


@dataclass(frozen=True, kw_only=True)
class TeamView:
    """What one team sees, and where."""

    host: str
    """First label of its host."""
    localhost: str
    """Path of `http://localhost` below which it also is."""
    namespaces: tuple[str, ...]
    """The team's namespaces."""

    def __post_init__(self) -> None:
        """Reject a view that would be refused with every query."""
        if not self.namespaces:
            raise ValueError(f"namespaces: none given for {self.host}; name those of the team")


@dataclass(frozen=True, kw_only=True)
class TeamMetricsArgs:
    """Inputs of `TeamMetrics`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image of prom-label-proxy."""
    prometheus_url: pulumi.Input[str]
    """URL of Prometheus."""
    prometheus: network_policies.Peer
    """Pods of Prometheus."""
    gateway: GatewayConnection
    """Publishes the views, and is the only client: whoever reaches the proxy may name any namespace."""
    teams: Mapping[str, TeamView]
    """Team -> its view."""

    def __post_init__(self) -> None:
        """Reject a proxy that nobody could reach."""
        if not self.teams:
            raise ValueError("teams: none given; without teams nobody needs a view")


class TeamMetrics(pulumi.ComponentResource):
    """One proxy for all teams, and a route for each that says whose series it may see."""

    def __init__(self, name: str, args: TeamMetricsArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(PRODUCT, _MODULE)
        super().__init__("plinth:index:TeamMetrics", name, {"teams": [*args.teams]}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product=PRODUCT, role="metrics", version=version
        )
        server = server_pods.deploy(
            self._owner, self._pod(), role="server", name=name, after=[self._network_policy()]
        )
        service = cluster_service.deploy(self._owner, name, {"http": PORT}, after=[server])
        for team, view in args.teams.items():
            http_routes.deploy(
                dataclasses.replace(self._owner, component=f"{name}-{team}"),
                args.gateway,
                view.host,
                name=view.host,
                service=service.metadata["name"],
                port=PORT,
                paths=_PUBLISHED,
                localhost=view.localhost,
                set_headers={HEADER: ",".join(view.namespaces)},
            )
        self.register_outputs({})

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        gateway = network_policies.in_namespace(args.gateway.namespace)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress([gateway], PORT)],
                outgoing=[network_policies.egress([args.prometheus], _PROMETHEUS_PORT)],
            ),
            opts=self._owner.child(),
        )

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            PRODUCT,
            self._args.image,
            [PRODUCT, *options(), pulumi.Output.concat("--upstream=", self._args.prometheus_url)],
            ports={"http": PORT},
            mounts=(),
            probe=pod_security.http_probe("/healthz", PORT),
            resources=pod_security.sizes(cpu="10m", memory="24Mi", memory_limit="128Mi"),
        )
        return server_pods.pod(container, scratch=None)


def options(address: str = f":{PORT}") -> list[str]:
    """Return the proxy's options, but for the URL of Prometheus; it listens at the address."""
    return [
        f"--insecure-listen-address={address}",
        "--label=namespace",
        f"--header-name={HEADER}",
        "--header-uses-list-syntax",
        # Names and values of labels, for completion in Grafana; without it they are not served at all.
        "--enable-label-apis",
    ]
