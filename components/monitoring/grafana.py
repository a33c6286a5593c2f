"""Grafana with the platform's dashboards, for everyone to read and no one to change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
from components.shapes.labels import labels, selector

PORT = 3000
_PROMETHEUS_PORT = 9090
_DATA_SOURCES = "/etc/grafana/provisioning/datasources"
_PROVIDERS = "/etc/grafana/provisioning/dashboards"
_PAGES = "/etc/grafana/pages"
_SETTINGS = {
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    # Dashboards come from code: nobody needs to log in.
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
    """What Grafana needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace, with the dashboards in it."""
    image: str
    """Grafana, from a registry that the cluster reaches."""
    prometheus_url: pulumi.Input[str]
    """Where queries go."""
    prometheus: network_policies.Peer
    """The pods behind it."""
    dashboards: Mapping[str, pulumi.Input[str]]
    """Dashboard -> ConfigMap with its JSON."""
    gateway: GatewayConnection | None = None
    """Where to publish it as `grafana.<domain>`, if anywhere."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a Grafana that shows nothing."""
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
    """Return the provisioning file that names the dashboards' folder."""
    provider = {"name": "plinth", "type": "file", "options": {"path": _PAGES}}
    return yaml.safe_dump({"apiVersion": 1, "providers": [provider]})


class Grafana(pulumi.ComponentResource):
    """One Grafana without state."""

    service: pulumi.Output[str]

    def __init__(self, name: str, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Grafana", name, {"image": args.image}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("grafana", name, "dashboards"), **args.extra_labels}
        self._selector = selector("grafana", name)
        server = self._server([self._provisioning(), self._network_policy()])
        service = cluster_service.deploy(
            f"{name}-service",
            metadata=self._metadata(),
            selector=self._selector,
            ports={"http": PORT},
            parent=self,
            after=[server],
        )
        self.service = service.metadata["name"]
        if args.gateway:
            kubernetes.apiextensions.CustomResource(
                f"{name}-route",
                api_version="gateway.networking.k8s.io/v1",
                kind="HTTPRoute",
                metadata=self._metadata(),
                spec=http_routes.spec(args.gateway, "grafana", self.service, PORT),
                opts=self._child,
            )
        self.register_outputs({"service": self.service})

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _provisioning(self) -> kubernetes.core.v1.ConfigMap:
        url = pulumi.Output.from_input(self._args.prometheus_url)
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-provisioning",
            metadata=self._metadata("provisioning"),
            data={"sources.yaml": url.apply(data_sources), "providers.yaml": providers()},
            opts=self._child,
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        gateway = self._args.gateway
        clients = [network_policies.in_namespace(gateway.namespace)] if gateway else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress(clients, PORT)] if clients else [],
                outgoing=[network_policies.egress([self._args.prometheus], _PROMETHEUS_PORT)],
            ),
            opts=self._child,
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        provisioning = f"{self._name}-provisioning"
        container = server_pods.container(
            "grafana",
            self._args.image,
            ["/run.sh"],
            env=pod_inputs.plain_env(_SETTINGS),
            ports={"http": PORT},
            mounts={
                "sources": _DATA_SOURCES,
                "providers": _PROVIDERS,
                **{f"page-{page}": f"{_PAGES}/{page}" for page in self._args.dashboards},
            },
            probe=pod_security.http_probe("/api/health", PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="20m", memory="96Mi", memory_limit="256Mi"),
        )
        spec = server_pods.deployment(
            selector=self._selector,
            labels=self._labels,
            container=container,
            volumes=[
                _files("sources", provisioning, "sources.yaml"),
                _files("providers", provisioning, "providers.yaml"),
                *(
                    _files(f"page-{page}", config_map, f"{page}.json")
                    for page, config_map in self._args.dashboards.items()
                ),
            ],
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(),
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=after),
        )


def _files(volume: str, config_map: pulumi.Input[str], key: str) -> kubernetes.core.v1.VolumeArgsDict:
    return {"name": volume, "config_map": {"name": config_map, "items": [{"key": key, "path": key}]}}
