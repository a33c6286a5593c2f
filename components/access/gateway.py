"""Traefik behind a Gateway of the Gateway API: the one entry from outside to interfaces, APIs and models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection
from components.shapes import network_policies, pod_security, replicated_server, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import upstream_version

PORT = 80
_TLS_PORT = 443
CLASS_NAME = "traefik"
METRICS_PORT = 9000
_CONTROLLER = "traefik.io/gateway-controller"
_ENTRY_PORT = 8000
_PROJECT = "traefik"
_TRAEFIK = "github.com/traefik/traefik/v3"
_GATEWAY_API = "sigs.k8s.io/gateway-api"
_API_VERSION = "gateway.networking.k8s.io/v1"
# The defaults, 0.1 s and above, say nothing of models that answer in milliseconds.
_BUCKETS = "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5"


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """What a cloud's load balancer in front of the gateway is told."""

    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """In the cloud's own words."""
    source_cidrs: tuple[str, ...] = ()
    """Who may connect; whoever reaches it if not given."""
    tls: bool = False
    """Whether it ends TLS on port 443 with a certificate of its own."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """What the gateway needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: pulumi.Input[str]
    """Traefik."""
    domain: str
    """Domain below which every host of the platform lies."""
    backends: tuple[network_policies.Peer, ...]
    """The pods that routes may lead to."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    node_port: int | None = None
    """Port of every node that leads here; without it the cluster gives a load balancer."""
    load_balancer: LoadBalancer = LoadBalancer()
    """What that is told."""
    replicas: int = 1
    """More than one survives the loss of a node."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse what no one could connect to."""
        if self.replicas < 1:
            raise ValueError(f"replicas: {self.replicas}; give at least 1")
        if self.node_port is not None and not 30000 <= self.node_port <= 32767:
            raise ValueError(f"node_port: {self.node_port}; Kubernetes allows 30000 to 32767")


def arguments() -> list[str]:
    """Return Traefik's command line: one entry for users, one for probes and metrics, no calls home."""
    return [
        "traefik",
        f"--entrypoints.web.address=:{_ENTRY_PORT}",
        f"--entrypoints.traefik.address=:{METRICS_PORT}",
        "--ping=true",
        "--providers.kubernetesgateway=true",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=traefik",
        "--metrics.prometheus.addserviceslabels=true",
        f"--metrics.prometheus.buckets={_BUCKETS}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]


def rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what Traefik may read in the cluster, and the statuses that it writes."""
    gateway_api = "gateway.networking.k8s.io"
    read = ["get", "list", "watch"]
    kinds = ["gatewayclasses", "gateways", "httproutes", "grpcroutes", "backendtlspolicies"]
    return [
        {"api_groups": [""], "resources": ["namespaces", "services", "configmaps", "nodes"], "verbs": read},
        # Certificates of listeners; the Kubernetes API has no way to name only those.
        {"api_groups": [""], "resources": ["secrets"], "verbs": read},
        {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        {"api_groups": [gateway_api], "resources": [*kinds, "referencegrants"], "verbs": read},
        {
            "api_groups": [gateway_api],
            "resources": [f"{kind}/status" for kind in kinds],
            "verbs": ["update"],
        },
    ]


def address(status: Any) -> str:
    """Return where a Service's load balancer answers; empty while it has no address."""
    entries = getattr(getattr(status, "load_balancer", None), "ingress", None) or []
    return (entries[0].hostname or entries[0].ip or "") if entries else ""


class Gateway(pulumi.ComponentResource):
    """Traefik, the Gateway API's definitions and one Gateway."""

    connection: GatewayConnection
    address: pulumi.Output[str]
    """Of the load balancer; empty without one."""

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _TRAEFIK)
        inputs = {"domain": args.domain, "replicas": args.replicas, "version": version}
        super().__init__("plinth:index:Gateway", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("traefik", name, "gateway", version=version), **args.extra_labels}
        self._selector = selector("traefik", name)
        definitions = self._definitions()
        server = self._server([definitions, self._network_policy(), *self._rights()])
        service = self._service()
        gateway = self._gateway([definitions, server, service, self._gateway_class([definitions])])
        # Taken from the Gateway, so that routes are made when it serves, and after their definition.
        self.connection = GatewayConnection(
            name=gateway.id.apply(lambda _: name),
            namespace=args.namespace,
            domain=args.domain,
            class_name=CLASS_NAME,
        )
        self.address = service.status.apply(address)
        self.register_outputs({"name": self.connection.name, "domain": args.domain})

    def _metadata(self) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": self._name, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        upstream = manifests.load(
            _PROJECT, _GATEWAY_API, "config/crd/standard/gateway.networking.k8s.io_*.yaml"
        )
        found = manifests.without_descriptions(upstream)
        own = labels("gateway-api", self._name, "definitions")
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(found, {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        access = AccessRights(
            component=self._name,
            account=self._name,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [access.service_account(), access.in_cluster(rules(), name=self._name)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        metrics = [network_policies.ingress(args.scrapers, METRICS_PORT)] if args.scrapers else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector,
                incoming=[
                    network_policies.ingress([network_policies.anywhere()], _ENTRY_PORT),
                    *metrics,
                ],
                # Ports are the pods' own and differ by backend: the peers bound what can be reached.
                outgoing=[network_policies.api_server(), network_policies.egress(args.backends)],
            ),
            opts=self._child,
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "traefik",
            self._args.image,
            arguments(),
            ports={"web": _ENTRY_PORT, "metrics": METRICS_PORT},
            probe=pod_security.http_probe("/ping", METRICS_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="50m", memory="96Mi", memory_limit="512Mi"),
        )
        # Connections of the old pod end before its process does: endpoints are withdrawn meanwhile.
        container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": 3}}}
        spec = server_pods.deployment(
            selector=self._selector,
            labels=self._labels,
            container=container,
            service_account=self._name,
        )
        return replicated_server.deploy(
            self._name,
            role="server",
            metadata=self._metadata(),
            spec=spec,
            replicas=self._args.replicas,
            parent=self,
            after=after,
        )

    def _service(self) -> kubernetes.core.v1.Service:
        port: kubernetes.core.v1.ServicePortArgsDict = {
            "name": "web",
            "port": PORT,
            "target_port": _ENTRY_PORT,
        }
        if self._args.node_port is not None:
            port["node_port"] = self._args.node_port
        metadata = self._metadata()
        spec: kubernetes.core.v1.ServiceSpecArgsDict = {
            "type": "LoadBalancer" if self._args.node_port is None else "NodePort",
            "selector": self._selector,
            "ports": [port],
        }
        if self._args.node_port is None:
            balancer = self._args.load_balancer
            metadata["annotations"] = balancer.annotations
            if balancer.source_cidrs:
                spec["load_balancer_source_ranges"] = [*balancer.source_cidrs]
            if balancer.tls:
                spec["ports"] = [port, {"name": "web-tls", "port": _TLS_PORT, "target_port": _ENTRY_PORT}]
        return kubernetes.core.v1.Service(
            f"{self._name}-service", metadata=metadata, spec=spec, opts=self._child
        )

    def _gateway_class(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-class",
            api_version=_API_VERSION,
            kind="GatewayClass",
            metadata={"name": CLASS_NAME, "labels": self._labels},
            spec={"controllerName": _CONTROLLER},
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _gateway(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        metadata = self._metadata()
        metadata["annotations"] = {
            "pulumi.com/waitFor": "condition=Programmed",
            "pulumi.com/timeoutSeconds": "120",
        }
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-gateway",
            api_version=_API_VERSION,
            kind="Gateway",
            metadata=metadata,
            spec={
                "gatewayClassName": CLASS_NAME,
                "listeners": [
                    {
                        "name": "web",
                        # Traefik finds the entry point by its own port, not by the Service's.
                        "port": _ENTRY_PORT,
                        "protocol": "HTTP",
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
            opts=ResourceOptions(parent=self, depends_on=after),
        )
