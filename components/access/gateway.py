"""Traefik behind a Gateway of the Gateway API: the single entry point to interfaces, APIs and models."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.access import gate, traefik_configuration
from components.access.traefik_configuration import (
    CERTIFICATE_FOLDER,
    ENTRY_PORT,
    FILE,
    FOLDER,
    METRICS_PORT,
    TLS_ENTRY_PORT,
)
from components.connections import GatewayConnection
from components.shapes import controller, network_policies, pod_security, replicated_server, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import NAME, labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.server_pods import TMP, Mount
from components.versions import upstream_version

PORT = 80
_TLS_PORT = 443
CLASS_NAME = "traefik"
POD_LABELS: Final[Mapping[str, str]] = {NAME: "traefik"}
_CONTROLLER = "traefik.io/gateway-controller"
_PROJECT = "traefik"
_TRAEFIK = "github.com/traefik/traefik/v3"
_GATEWAY_API = "sigs.k8s.io/gateway-api"
_CONFIGURATION = "traefik-configuration"
_CERTIFICATE = "traefik-certificate"
_GATE = "traefik-gate"
_API_VERSION = "gateway.networking.k8s.io/v1"


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
    gate: Mapping[str, Any] | None = None
    """What the gate reads, of `gate.content`; without a gate every request passes."""
    certificate: ServerCertificate | None = None
    """Served to clients outside the cluster, who then get nothing in clear; its pods need no TLS."""
    replicas: int = 1
    """More than one survive the loss of a node."""

    def __post_init__(self) -> None:
        """Reject a gateway that nobody could connect to."""
        replicated_server.check(self.replicas)
        if self.node_port is not None and not 30000 <= self.node_port <= 32767:
            raise ValueError(f"node_port: {self.node_port}; Kubernetes allows 30000 to 32767")
        if self.certificate and self.load_balancer.tls:
            raise ValueError("certificate: TLS ends at the load balancer already; give one of the two")
        if self.in_flight < 1:
            raise ValueError(f"in_flight: {self.in_flight}; every request would be refused")


def is_secure(certificate: ServerCertificate | None, balancer: LoadBalancer) -> bool:
    """Return whether clients outside the cluster connect over TLS, which ends at the gateway or before it."""
    return certificate is not None or balancer.tls


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
        certificate = self._certificate()
        files = [*certificate, self._configuration(), *self._gate_file()]
        server = self._server([definitions, self._network_policy(), *self._rights(), *files])
        service = self._service()
        classes = self._gateway_class([definitions])
        gateway = self._gateway([definitions, server, service, classes, *certificate])
        # Resolved by the Gateway, so that routes are created once it serves, after their definition.
        self.connection = GatewayConnection(
            name=gateway.id.apply(lambda _: name),
            namespace=args.namespace,
            domain=args.domain,
            class_name=CLASS_NAME,
            secure=is_secure(args.certificate, args.load_balancer),
        )
        if args.node_port is None:
            self.address = self._load_balancer()
        else:
            self._node_port(args.node_port, after=[service])
            self.address = pulumi.Output.from_input("")
        self.register_outputs({"name": self.connection.name, "domain": args.domain})

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        file = "config/crd/standard/gateway.networking.k8s.io_*.yaml"
        upstream = manifests.without_descriptions(manifests.load(_PROJECT, _GATEWAY_API, file))
        own = labels("gateway-api", self._name, "definitions")
        return controller.define(self._owner, manifests.labelled(upstream, own))

    def _rights(self) -> list[pulumi.Resource]:
        access = AccessRights(owner=self._owner, account=self._name)
        granted = [*rules(), *(gate.rules() if self._args.gate else [])]
        return [access.service_account(), access.in_cluster(granted, name=self._name)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        metrics = [network_policies.ingress(args.scrapers, METRICS_PORT)] if args.scrapers else []
        # Keys of the issuer are wherever it is.
        has_issuer = args.gate is not None and "issuer" in args.gate
        issuer = [network_policies.egress([network_policies.anywhere()], 443)] if has_issuer else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[*self._clients(), *metrics],
                # Pod ports differ by backend, so the peers alone limit what can be reached.
                outgoing=[network_policies.api_server(), network_policies.egress(args.backends), *issuer],
            ),
            opts=self._owner.child(),
        )

    def _clients(self) -> list[network_policies.IngressRule]:
        anywhere = [network_policies.anywhere()]
        if self._args.certificate is None:
            return [network_policies.ingress(anywhere, ENTRY_PORT)]
        return [
            network_policies.ingress(anywhere, TLS_ENTRY_PORT),
            network_policies.ingress([network_policies.every_pod()], ENTRY_PORT),
        ]

    def _certificate(self) -> list[kubernetes.core.v1.Secret]:
        certificate = self._args.certificate
        return [certificate.deploy(self._owner, _CERTIFICATE)] if certificate else []

    def _configuration(self) -> kubernetes.core.v1.ConfigMap:
        args = self._args
        folder = CERTIFICATE_FOLDER if args.certificate else None
        asked = gate.address() if args.gate else None
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-configuration",
            metadata=self._owner.metadata(_CONFIGURATION),
            data={FILE: traefik_configuration.dynamic(asked, args.in_flight, folder)},
            opts=self._owner.child(),
        )

    def _gate_file(self) -> list[kubernetes.core.v1.ConfigMap]:
        if not self._args.gate:
            return []
        config_map = kubernetes.core.v1.ConfigMap(
            f"{self._name}-gate",
            metadata=self._owner.metadata(_GATE),
            data={gate.FILE: json.dumps(self._args.gate, indent=1, sort_keys=True)},
            opts=self._owner.child(),
        )
        return [config_map]

    def _files(self) -> dict[Mount, kubernetes.core.v1.VolumeArgsDict]:
        """Return what Traefik reads, by where it is in the container."""
        mount = Mount(volume="configuration", path=FOLDER)
        found: dict[Mount, kubernetes.core.v1.VolumeArgsDict] = {
            mount: {"name": mount.volume, "config_map": {"name": _CONFIGURATION}}
        }
        if self._args.gate:
            mount = Mount(volume="gate", path=gate.FOLDER)
            found[mount] = {"name": mount.volume, "config_map": {"name": _GATE}}
        if self._args.certificate:
            mount = Mount(volume="certificate", path=CERTIFICATE_FOLDER)
            found[mount] = {"name": mount.volume, "secret": {"secret_name": _CERTIFICATE}}
        return found

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        args, files = self._args, self._files()
        secure = args.certificate is not None
        container = server_pods.container(
            "traefik",
            args.image,
            traefik_configuration.arguments(guarded=args.gate is not None, secure=secure),
            mounts=[TMP, *files],
            ports={
                "web": ENTRY_PORT,
                **({"websecure": TLS_ENTRY_PORT} if secure else {}),
                "metrics": METRICS_PORT,
            },
            probe=pod_security.http_probe("/ping", METRICS_PORT),
            resources=pod_security.sizes(cpu="100m", memory="128Mi", memory_limit="512Mi"),
        )
        # Endpoints are withdrawn meanwhile, so the old pod gets no new connections when it ends.
        container["lifecycle"] = {"pre_stop": {"sleep": {"seconds": 3}}}
        return replicated_server.deploy(
            self._owner,
            server_pods.pod(container, volumes=[*files.values()], service_account=self._name),
            role="server",
            name=self._name,
            replicas=self._args.replicas,
            after=after,
            annotations=server_pods.reads_at_start(args.gate) if args.gate else None,
        )

    def _service(self) -> kubernetes.core.v1.Service:
        """Create the Service that pods of the cluster connect to, in clear: TLS is for clients outside."""
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=self._owner.metadata(self._name),
            spec={
                "type": "ClusterIP",
                "selector": self._owner.selector,
                "ports": [{"name": "web", "port": PORT, "target_port": ENTRY_PORT}],
            },
            opts=self._owner.child(),
        )

    def _port_outside(self) -> kubernetes.core.v1.ServicePortArgsDict:
        """Return the port at which clients outside the cluster are served."""
        if self._args.certificate:
            return {"name": "web-tls", "port": _TLS_PORT, "target_port": TLS_ENTRY_PORT}
        if self._args.load_balancer.tls:
            return {"name": "web-tls", "port": _TLS_PORT, "target_port": ENTRY_PORT}
        return {"name": "web", "port": PORT, "target_port": ENTRY_PORT}

    def _node_port(self, number: int, after: list[pulumi.Resource]) -> None:
        """Create the Service of the node port.

        It is one of its own, so that with TLS no other port is published; it stays when TLS comes or goes,
        because no two Services can have its number, not even during an update.
        """
        name = f"{self._name}-node-port"
        kubernetes.core.v1.Service(
            name,
            metadata={**self._owner.metadata(name), "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "type": "NodePort",
                "selector": self._owner.selector,
                "ports": [{**self._port_outside(), "node_port": number}],
            },
            # In earlier releases that Service had the number.
            opts=self._owner.child(after),
        )

    def _load_balancer(self) -> pulumi.Output[str]:
        """Create the Service of the load balancer and return its address."""
        balancer, name = self._args.load_balancer, f"{self._name}-load-balancer"
        metadata = self._owner.metadata(name)
        metadata["annotations"] = balancer.annotations
        spec: kubernetes.core.v1.ServiceSpecArgsDict = {
            "type": "LoadBalancer",
            "selector": self._owner.selector,
            "ports": [self._port_outside()],
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
                "listeners": self._listeners(),
            },
            opts=self._owner.child(after),
        )

    def _listeners(self) -> list[dict[str, Any]]:
        """Return the listeners; a route that names none of them attaches to each."""
        everyone = {"allowedRoutes": {"namespaces": {"from": "All"}}}
        # Traefik matches the entry point's own port, not the Service's.
        web = {"name": "web", "port": ENTRY_PORT, "protocol": "HTTP", **everyone}
        if self._args.certificate is None:
            return [web]
        tls = {
            "mode": "Terminate",
            "certificateRefs": [{"group": "", "kind": "Secret", "name": _CERTIFICATE}],
        }
        return [
            web,
            {"name": "websecure", "port": TLS_ENTRY_PORT, "protocol": "HTTPS", "tls": tls, **everyone},
        ]
