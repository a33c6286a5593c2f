"""A Prometheus: it scrapes, evaluates rules and keeps samples on a volume of its own."""

import re
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.monitoring.alertmanager import security_context
from components.monitoring.timing import Timing, duration
from components.shapes import cluster_service, http_routes, network_policies
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import release, upstream_version

PORT = 9090
_PROJECT = "prometheus"
_MODULE = "github.com/prometheus/prometheus"
_MEBIBYTES = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


@dataclass(frozen=True, kw_only=True)
class RemoteWrite:
    """Where samples are kept for longer, such as Amazon Managed Service for Prometheus."""

    url: str
    region: str | None = None
    """Region to sign requests for with the pod's own AWS identity; unsigned if not given."""


@dataclass(frozen=True, kw_only=True)
class PrometheusServerArgs:
    """What Prometheus needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace with the Prometheus operator in it."""
    image: str
    """Prometheus."""
    timing: Timing
    """How often is scraped."""
    cluster_name: str
    """Told apart by it in a store that several clusters write to."""
    alertmanager_service: pulumi.Input[str]
    """Where alerts go, in the same namespace."""
    destinations: tuple[network_policies.EgressRule, ...]
    """The targets, and no one else."""
    additional_scrapes: str
    """Scrape configurations of what is no pod."""
    gateway: GatewayConnection | None = None
    """Where to publish the API as `prometheus.<domain>`, if anywhere."""
    readers: tuple[network_policies.Peer, ...] = ()
    """Who else may query."""
    retention: str = "15d"
    """How long samples are kept, if there is room."""
    storage_size: str = "10Gi"
    """Size of the volume."""
    remote_write: RemoteWrite | None = None
    """Where samples are written to as well, if anywhere."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse what Prometheus would refuse minutes later."""
        if not re.fullmatch(r"[1-9][0-9]*(h|d|w|y)", self.retention):
            raise ValueError(f"retention: {self.retention!r}; give a number and h, d, w or y, such as 15d")


def retention_size(storage_size: str) -> str:
    """Return how many bytes of samples a volume may hold: the log of the last hours needs the rest."""
    number, unit = int(storage_size[:-2]), storage_size[-2:]
    return f"{number * _MEBIBYTES[unit] * 8 // 10}MB"


def rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what Prometheus may read in the cluster: where pods and nodes are, and metrics."""
    return [
        {"api_groups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]},
        {"api_groups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"non_resource_urls": ["/metrics"], "verbs": ["get"]},
    ]


def spec(args: PrometheusServerArgs, name: str, scrapes_secret: pulumi.Input[str]) -> dict[str, Any]:
    """Return the spec of the operator's Prometheus resource."""
    interval = duration(args.timing.scrape_seconds)
    found: dict[str, Any] = {
        "replicas": 1,
        "version": release(upstream_version(_PROJECT, _MODULE), _MODULE),
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "serviceAccountName": name,
        "serviceDiscoveryRole": "EndpointSlice",
        "podMonitorSelector": {},
        "ruleSelector": {},
        "additionalScrapeConfigs": {"name": scrapes_secret, "key": "scrapes.yaml"},
        "scrapeInterval": interval,
        "evaluationInterval": interval,
        "externalLabels": {"cluster": args.cluster_name},
        "alerting": {
            "alertmanagers": [
                {"namespace": args.namespace, "name": args.alertmanager_service, "port": "web"}
            ],
        },
        "retention": args.retention,
        "retentionSize": retention_size(args.storage_size),
        "storage": {
            "volumeClaimTemplate": {
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": args.storage_size}},
                },
            },
        },
        # The volume goes with its server: nothing is left behind.
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "runtime": {"goGC": 50},
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": security_context(),
        "podMetadata": {"labels": {"app.kubernetes.io/part-of": "plinth"}},
    }
    if args.gateway:
        found["externalUrl"] = f"http://prometheus.{args.gateway.domain}"
    if args.remote_write:
        signed = {"sigv4": {"region": args.remote_write.region}} if args.remote_write.region else {}
        found["remoteWrite"] = [{"url": args.remote_write.url, **signed}]
    return found


class PrometheusServer(pulumi.ComponentResource):
    """One Prometheus behind one Service."""

    address: pulumi.Output[str]

    def __init__(self, name: str, args: PrometheusServerArgs, opts: ResourceOptions | None = None) -> None:
        version = release(upstream_version(_PROJECT, _MODULE), _MODULE)
        inputs = {"version": version, "retention": args.retention}
        super().__init__("plinth:index:PrometheusServer", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("prometheus", name, "metrics", version=version), **args.extra_labels}
        server = self._server([self._network_policy(), *self._rights()])
        service = self._service(server)
        if args.gateway:
            self._route(args.gateway, service)
        namespace = service.metadata["namespace"]
        self.address = pulumi.Output.concat("http://", name, ".", namespace, f":{PORT}")
        self.register_outputs({"address": self.address})

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _rights(self) -> list[pulumi.Resource]:
        read = ["get", "list", "watch"]
        to_find_alertmanager: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = [
            {"api_groups": [""], "resources": ["services"], "verbs": read},
            {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        ]
        access = AccessRights(
            component=self._name,
            account=self._name,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [
            access.service_account(),
            access.in_cluster(rules(), name=self._name, resource=f"{self._name}-cluster"),
            access.in_namespace(to_find_alertmanager, name=self._name),
        ]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        gateway = [network_policies.in_namespace(args.gateway.namespace)] if args.gateway else []
        readers = [*gateway, *args.readers]
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                selector("prometheus", self._name),
                incoming=[network_policies.ingress(readers, PORT)] if readers else [],
                outgoing=args.destinations,
            ),
            opts=self._child,
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        secret = kubernetes.core.v1.Secret(
            f"{self._name}-scrapes",
            metadata=self._metadata("scrapes"),
            string_data={"scrapes.yaml": self._args.additional_scrapes},
            opts=self._child,
        )
        metadata = self._metadata()
        metadata["annotations"] = {
            "pulumi.com/waitFor": "condition=Available",
            "pulumi.com/timeoutSeconds": "300",
        }
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-server",
            api_version="monitoring.coreos.com/v1",
            kind="Prometheus",
            metadata=metadata,
            spec=spec(self._args, self._name, secret.metadata["name"]),
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _service(self, server: pulumi.Resource) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(),
            selector=selector("prometheus", self._name),
            ports={"web": PORT},
            parent=self,
            after=[server],
        )

    def _route(self, gateway: GatewayConnection, service: kubernetes.core.v1.Service) -> None:
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-route",
            api_version="gateway.networking.k8s.io/v1",
            kind="HTTPRoute",
            metadata=self._metadata(),
            spec=http_routes.spec(gateway, "prometheus", service.metadata["name"], PORT),
            opts=self._child,
        )
