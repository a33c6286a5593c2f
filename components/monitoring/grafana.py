"""Grafana with the platform's dashboards, readable by everyone and changed by nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
import yaml
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.shapes import (
    cluster_service,
    http_routes,
    network_policies,
    pod_inputs,
    pod_security,
    server_pods,
)
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from workloads.contract import Host

PORT = 3000
_PROMETHEUS_PORT = 9090
_DATA_SOURCES = "/etc/grafana/provisioning/datasources"
_PROVIDERS = "/etc/grafana/provisioning/dashboards"
_PAGES = "/etc/grafana/pages"
_SETTINGS = {
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    # Dashboards come from code, so nobody has to log in.
    "GF_AUTH_ANONYMOUS_ENABLED": "true",
    "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
    "GF_AUTH_DISABLE_LOGIN_FORM": "true",
    "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
    "GF_PATHS_DATA": "/tmp/grafana",
    "GF_PATHS_LOGS": "/tmp/grafana/logs",
    "GF_PATHS_PLUGINS": "/tmp/grafana/plugins",
}


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Inputs of `Grafana`."""

    namespace: pulumi.Input[str]
    """Namespace of the dashboards, which denies traffic by default."""
    image: str
    """Image of Grafana, in a registry that the cluster can reach."""
    prometheus_url: pulumi.Input[str]
    """URL of Prometheus."""
    prometheus: network_policies.Peer
    """Pods of Prometheus."""
    dashboards: Mapping[str, pulumi.Input[str]]
    """ConfigMap with the JSON of each dashboard, by name."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes Grafana, if any."""

    def __post_init__(self) -> None:
        """Reject a Grafana without dashboards."""
        if not self.dashboards:
            raise ValueError("dashboards: none given; name at least one ConfigMap")


def data_sources(prometheus_url: str) -> str:
    """Return the provisioning file of the one data source."""
    source = {
        "name": "Prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": prometheus_url,
        "isDefault": True,
    }
    return yaml.safe_dump({"apiVersion": 1, "datasources": [source]})


def providers() -> str:
    """Return the provisioning file of the dashboards' folder."""
    provider = {"name": "plinth", "type": "file", "options": {"path": _PAGES}}
    return yaml.safe_dump({"apiVersion": 1, "providers": [provider]})


class Grafana(pulumi.ComponentResource):
    """One Grafana without state."""

    def __init__(self, name: str, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Grafana", name, {"image": args.image}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="grafana", role="dashboards")
        server = server_pods.deploy(
            self._owner,
            self._pod(),
            role="server",
            name=name,
            after=[self._provisioning(), self._network_policy()],
        )
        service = cluster_service.deploy(self._owner, name, {"http": PORT}, after=[server])
        if args.gateway:
            backend = service.metadata["name"]
            http_routes.deploy(self._owner, args.gateway, Host.GRAFANA, name=name, service=backend, port=PORT)
        self.register_outputs({})

    def _provisioning(self) -> kubernetes.core.v1.ConfigMap:
        url = pulumi.Output.from_input(self._args.prometheus_url)
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-provisioning",
            metadata=self._owner.metadata(f"{self._name}-provisioning"),
            data={"sources.yaml": url.apply(data_sources), "providers.yaml": providers()},
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        gateway = self._args.gateway
        clients = [network_policies.in_namespace(gateway.namespace)] if gateway else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(clients, PORT)] if clients else [],
                outgoing=[network_policies.egress([self._args.prometheus], _PROMETHEUS_PORT)],
            ),
            opts=self._owner.child(),
        )

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        provisioning = f"{self._name}-provisioning"
        pages = self._args.dashboards
        container = server_pods.container(
            "grafana",
            self._args.image,
            ["/run.sh"],
            env=pod_inputs.plain_env(_SETTINGS),
            ports={"http": PORT},
            mounts=(
                TMP,
                Mount(volume="sources", path=_DATA_SOURCES),
                Mount(volume="providers", path=_PROVIDERS),
                *(Mount(volume=f"page-{page}", path=f"{_PAGES}/{page}") for page in pages),
            ),
            probe=pod_security.http_probe("/api/health", PORT),
            resources=pod_security.sizes(cpu="20m", memory="96Mi", memory_limit="256Mi"),
        )
        return server_pods.pod(
            container,
            volumes=[
                _files("sources", provisioning, "sources.yaml"),
                _files("providers", provisioning, "providers.yaml"),
                *(_files(f"page-{page}", config_map, f"{page}.json") for page, config_map in pages.items()),
            ],
        )


def _files(volume: str, config_map: pulumi.Input[str], key: str) -> kubernetes.core.v1.VolumeArgsDict:
    return {"name": volume, "config_map": {"name": config_map, "items": [{"key": key, "path": key}]}}
