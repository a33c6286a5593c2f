"""Traefik behind a Gateway of the Gateway API: the single entry point to interfaces, APIs and models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.access import middlewares
from components.connections import GatewayConnection
from components.shapes import controller, network_policies, pod_security, replicated_server, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import NAME, labels
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from components.versions import upstream_version

PORT = 80
_TLS_PORT = 443
CLASS_NAME = "traefik"
METRICS_PORT = 9000
POD_LABELS: Final[Mapping[str, str]] = {NAME: "traefik"}
_CONTROLLER = "traefik.io/gateway-controller"
_ENTRY_PORT = 8000
_PROJECT = "traefik"
_TRAEFIK = "github.com/traefik/traefik/v3"
_GATEWAY_API = "sigs.k8s.io/gateway-api"
_MIDDLEWARES = "traefik-middlewares"
_FOLDER = "/etc/traefik/dynamic"
_FILE = "middlewares.yaml"
_API_VERSION = "gateway.networking.k8s.io/v1"
# The defaults, 0.1 s and above, are useless for models that answer in milliseconds.
_BUCKETS = "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5"
# Of a request: when, by whom, to where, how it ended. No header is logged: headers hold tokens and cookies.
_LOGGED = (
    "StartUTC",
    "ClientHost",
    "RequestHost",
    "RequestMethod",
    "RequestPath",
    "DownstreamStatus",
    "Duration",
)


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """Cloud load-balancer settings for the gateway's Service."""

    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Annotations that the cloud's controller reads."""
    lasting: tuple[str, ...] = ()
    """Those of them that it reads only once: a change needs another load balancer, at another address."""
    source_cidrs: tuple[str, ...] = ()
    """Networks that may connect; by default any client that can reach it."""
    tls: bool = False
    """Whether it listens on port 443 alone, and terminates TLS there with its own certificate."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Inputs of `Gateway`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of Traefik."""
    domain: str
    """Parent domain of every host of the platform."""
    backends: tuple[network_policies.Peer, ...]
    """Pods that routes may lead to."""
    in_flight: int
    """Requests that one user may have in flight at one path of a route; several times as many at a model."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    node_port: int | None = None
    """Node port of the Service; without it there is a load balancer, with a Service of its own."""
    load_balancer: LoadBalancer = LoadBalancer()
    """Settings of the load balancer."""
    gate: str | None = None
    """URL that Traefik asks about every request of users; without one it lets all of them pass."""
    replicas: int = 1
    """More than one survive the loss of a node."""

    def __post_init__(self) -> None:
        """Reject a gateway that nobody could connect to."""
        replicated_server.check(self.replicas)
        if self.node_port is not None and not 30000 <= self.node_port <= 32767:
            raise ValueError(f"node_port: {self.node_port}; Kubernetes allows 30000 to 32767")
        if self.in_flight < 1:
            raise ValueError(f"in_flight: {self.in_flight}; every request would be refused")


def _access_log() -> list[str]:
    """Return the arguments that log every request of users, one JSON object per line."""
    return [
        "--accesslog=true",
        "--accesslog.format=json",
        "--accesslog.bufferingsize=64",
        "--accesslog.fields.defaultmode=drop",
        *(f"--accesslog.fields.names.{field}=keep" for field in _LOGGED),
        "--accesslog.fields.headers.defaultmode=drop",
    ]


def _entry(*, guarded: bool) -> list[str]:
    """Return the arguments that hang middlewares on the entry point: no route can do without them."""
    return [
        f"--providers.file.filename={_FOLDER}/{_FILE}",
        f"--entrypoints.web.http.middlewares={','.join(middlewares.names(guarded=guarded))}",
        *(["--accesslog.fields.names.ClientUsername=keep"] if guarded else []),
    ]


def arguments(*, guarded: bool = False) -> list[str]:
    """Return Traefik's command: one entry point for users, one for probes and metrics, no telemetry."""
    return [
        "traefik",
        f"--entrypoints.web.address=:{_ENTRY_PORT}",
        f"--entrypoints.traefik.address=:{METRICS_PORT}",
        "--ping=true",
        "--providers.kubernetesgateway=true",
        # A route is accepted before it is in force. Whoever waited for that and called a new model got 404,
        # for up to two seconds: Traefik's default.
        "--providers.providersthrottleduration=100ms",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=traefik",
        "--metrics.prometheus.addserviceslabels=true",
        f"--metrics.prometheus.buckets={_BUCKETS}",
        *_access_log(),
        *_entry(guarded=guarded),
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]


def rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return Traefik's rights: the objects that it reads and the statuses that it writes."""
    gateway_api = "gateway.networking.k8s.io"
    read = ["get", "list", "watch"]
    kinds = ["gatewayclasses", "gateways", "httproutes", "grpcroutes", "backendtlspolicies"]
    return [
        {"api_groups": [""], "resources": ["namespaces", "services", "configmaps", "nodes"], "verbs": read},
        # Certificates of listeners; RBAC cannot restrict the rule to those.
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
    """Return the address of a Service's load balancer; empty while it has none."""
    entries = getattr(getattr(status, "load_balancer", None), "ingress", None) or []
    return (entries[0].hostname or entries[0].ip or "") if entries else ""


class Gateway(pulumi.ComponentResource):
    """Traefik, the Gateway API's definitions and one Gateway."""

    connection: GatewayConnection
    address: pulumi.Output[str]
    """Address of the load balancer; empty without one."""

    def __init__(self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _TRAEFIK)
        inputs = {"domain": args.domain, "replicas": args.replicas, "version": version}
        super().__init__("plinth:index:Gateway", name, inputs, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product="traefik", role="gateway", version=version
        )
        definitions = self._definitions()
        server = self._server([definitions, self._network_policy(), *self._rights(), self._middlewares()])
        service = self._service()
        gateway = self._gateway([definitions, server, service, self._gateway_class([definitions])])
        # Resolved by the Gateway, so that routes are created once it serves, after their definition.
        self.connection = GatewayConnection(
            name=gateway.id.apply(lambda _: name),
            namespace=args.namespace,
            domain=args.domain,
            class_name=CLASS_NAME,
        )
        self.address = self._load_balancer() if args.node_port is None else pulumi.Output.from_input("")
        self.register_outputs({"name": self.connection.name, "domain": args.domain})

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        file = "config/crd/standard/gateway.networking.k8s.io_*.yaml"
        upstream = manifests.without_descriptions(manifests.load(_PROJECT, _GATEWAY_API, file))
        own = labels("gateway-api", self._name, "definitions")
        return controller.define(self._owner, manifests.labelled(upstream, own))

    def _rights(self) -> list[pulumi.Resource]:
        access = AccessRights(owner=self._owner, account=self._name)
        return [access.service_account(), access.in_cluster(rules(), name=self._name)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        metrics = [network_policies.ingress(args.scrapers, METRICS_PORT)] if args.scrapers else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[
                    network_policies.ingress([network_policies.anywhere()], _ENTRY_PORT),
                    *metrics,
                ],
                # Pod ports differ by backend, so the peers alone limit what can be reached.
                outgoing=[network_policies.api_server(), network_policies.egress(args.backends)],
            ),
            opts=self._owner.child(),
        )

    def _middlewares(self) -> kubernetes.core.v1.ConfigMap:
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-middlewares",
            metadata=self._owner.metadata(_MIDDLEWARES),
            data={_FILE: middlewares.render(self._args.gate, self._args.in_flight)},
            opts=self._owner.child(),
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        volumes: list[kubernetes.core.v1.VolumeArgsDict] = [
            {"name": _MIDDLEWARES, "config_map": {"name": _MIDDLEWARES}}
        ]
        container = server_pods.container(
            "traefik",
            self._args.image,
            arguments(guarded=self._args.gate is not None),
            mounts=[TMP, Mount(volume=_MIDDLEWARES, path=_FOLDER)],
            ports={"web": _ENTRY_PORT, "metrics": METRICS_PORT},
            probe=pod_security.http_probe("/ping", METRICS_PORT),
            resources=pod_security.sizes(cpu="50m", memory="96Mi", memory_limit="512Mi"),
        )
        # Endpoints are withdrawn meanwhile, so the old pod gets no new connections when it ends.
        container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": 3}}}
        return replicated_server.deploy(
            self._owner,
            server_pods.pod(container, volumes=volumes, service_account=self._name),
            role="server",
            name=self._name,
            replicas=self._args.replicas,
            after=after,
        )

    def _service(self) -> kubernetes.core.v1.Service:
        """Create the Service that pods of the cluster connect to, in clear: TLS ends at the load balancer."""
        port: kubernetes.core.v1.ServicePortArgsDict = {
            "name": "web",
            "port": PORT,
            "target_port": _ENTRY_PORT,
        }
        if self._args.node_port is not None:
            port["node_port"] = self._args.node_port
        spec: kubernetes.core.v1.ServiceSpecArgsDict = {
            "type": "ClusterIP" if self._args.node_port is None else "NodePort",
            "selector": self._owner.selector,
            "ports": [port],
        }
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=self._owner.metadata(self._name),
            spec=spec,
            opts=self._owner.child(),
        )

    def _load_balancer(self) -> pulumi.Output[str]:
        """Create the Service of the load balancer and return its address."""
        balancer, name = self._args.load_balancer, f"{self._name}-load-balancer"
        metadata = self._owner.metadata(name)
        metadata["annotations"] = balancer.annotations
        port: kubernetes.core.v1.ServicePortArgsDict = (
            {"name": "web-tls", "port": _TLS_PORT, "target_port": _ENTRY_PORT}
            if balancer.tls
            else {"name": "web", "port": PORT, "target_port": _ENTRY_PORT}
        )
        spec: kubernetes.core.v1.ServiceSpecArgsDict = {
            "type": "LoadBalancer",
            "selector": self._owner.selector,
            "ports": [port],
        }
        if balancer.source_cidrs:
            spec["load_balancer_source_ranges"] = [*balancer.source_cidrs]
        lasting = [f'metadata.annotations["{each}"]' for each in balancer.lasting]
        service = kubernetes.core.v1.Service(
            name,
            metadata=metadata,
            spec=spec,
            # Both have one name, so the old one goes first.
            opts=ResourceOptions.merge(
                self._owner.child(),
                ResourceOptions(replace_on_changes=lasting, delete_before_replace=True),
            ),
        )
        return service.status.apply(address)

    def _gateway_class(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-class",
            api_version=_API_VERSION,
            kind="GatewayClass",
            metadata=self._owner.cluster_metadata(CLASS_NAME),
            spec={"controllerName": _CONTROLLER},
            opts=self._owner.child(after),
        )

    def _gateway(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        metadata = self._owner.metadata(self._name)
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
                        # Traefik matches the entry point's own port, not the Service's.
                        "port": _ENTRY_PORT,
                        "protocol": "HTTP",
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
            opts=self._owner.child(after),
        )
