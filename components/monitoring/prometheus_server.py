"""A Prometheus that scrapes, evaluates rules and stores samples on its own volume."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.monitoring.alertmanager import security_context
from components.monitoring.timing import Timing, duration
from components.shapes import cluster_service, http_routes, network_policies
from components.shapes.access_rights import AccessRights
from components.shapes.labels import NAME
from components.shapes.owner import Owner
from components.versions import release, upstream_version
from workloads.contract import Host

PORT = 9090
POD_LABELS: Final[Mapping[str, str]] = {NAME: "prometheus"}
_PROJECT = "prometheus"
_MODULE = "github.com/prometheus/prometheus"
# What reads samples, rules and alerts; nothing that ends the server, profiles it or shows its configuration.
_PUBLISHED = http_routes.Paths(
    below=(
        *(
            f"/api/v1/{each}"
            for each in (
                "alerts",
                "format_query",
                "label",
                "labels",
                "metadata",
                "query",
                "query_exemplars",
                "query_range",
                "rules",
                "series",
                "targets",
            )
        ),
        "/api/v1/status/buildinfo",
        "/-/healthy",
        "/-/ready",
    )
)
# At once, of 16 bytes each; a page of a dashboard takes a hundredth.
_SAMPLES = 2_000_000
_MEBIBYTES = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


@dataclass(frozen=True, kw_only=True)
class RemoteWrite:
    """A long-term store of samples, such as Amazon Managed Service for Prometheus."""

    url: str
    region: str | None = None
    """Region for which requests are signed with the pod's AWS identity; without it they are unsigned."""


@dataclass(frozen=True, kw_only=True)
class PrometheusServerArgs:
    """Inputs of `PrometheusServer`."""

    namespace: pulumi.Input[str]
    """Namespace of the Prometheus operator, which denies traffic by default."""
    image: str
    """Image of Prometheus."""
    timing: Timing
    """Scrape interval."""
    cluster_name: str
    """External label of every sample, for a store that several clusters write to."""
    alertmanager_service: pulumi.Input[str]
    """Alertmanager's Service, in the same namespace."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Rules that allow the targets, and nothing else."""
    additional_scrapes: str
    """Scrape configurations of targets that are not pods."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes the API, if any."""
    readers: tuple[network_policies.Peer, ...] = ()
    """Further pods that may query."""
    retention: str = "15d"
    """Time that samples are kept, as long as they fit."""
    storage_size: str = "10Gi"
    """Size of the volume."""
    remote_write: RemoteWrite | None = None
    """Store that samples are also written to, if any."""

    def __post_init__(self) -> None:
        """Reject what Prometheus would reject minutes later."""
        if not re.fullmatch(r"[1-9][0-9]*(h|d|w|y)", self.retention):
            raise ValueError(f"retention: {self.retention!r}; give a number and h, d, w or y, such as 15d")


def retention_size(storage_size: str) -> str:
    """Return the size of samples that a volume may hold; the write-ahead log needs the rest."""
    number, unit = int(storage_size[:-2]), storage_size[-2:]
    return f"{number * _MEBIBYTES[unit] * 8 // 10}MB"


def rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return Prometheus' rights in the cluster: discover pods and nodes, and read metrics."""
    return [
        {"api_groups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]},
        {"api_groups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"non_resource_urls": ["/metrics"], "verbs": ["get"]},
    ]


def spec(args: PrometheusServerArgs, name: str, scrapes_secret: pulumi.Input[str]) -> dict[str, Any]:
    """Return the spec of the operator's Prometheus resource."""
    interval = duration(args.timing.scrape_seconds)
    rendered: dict[str, Any] = {
        "replicas": 1,
        "version": release(upstream_version(_PROJECT, _MODULE), _MODULE),
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "serviceAccountName": name,
        "serviceDiscoveryRole": "EndpointSlice",
        # By signal: the other way switches on an API with which whoever reaches the port ends the server.
        "reloadStrategy": "ProcessSignal",
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
        # The volume is deleted with its server: nothing is left behind.
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "runtime": {"goGC": 50},
        # Teams ask it, too: no question takes the memory of everything else, or holds up rules for long.
        "query": {"maxSamples": _SAMPLES, "timeout": "30s"},
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": security_context(),
        "podMetadata": {"labels": {"app.kubernetes.io/part-of": "plinth"}},
    }
    if args.gateway:
        rendered["externalUrl"] = args.gateway.url(Host.PROMETHEUS)
    if args.remote_write:
        signed = {"sigv4": {"region": args.remote_write.region}} if args.remote_write.region else {}
        rendered["remoteWrite"] = [{"url": args.remote_write.url, **signed}]
    return rendered


class PrometheusServer(pulumi.ComponentResource):
    """One Prometheus behind one Service."""

    address: pulumi.Output[str]

    def __init__(self, name: str, args: PrometheusServerArgs, opts: ResourceOptions | None = None) -> None:
        version = release(upstream_version(_PROJECT, _MODULE), _MODULE)
        inputs = {"version": version, "retention": args.retention}
        super().__init__("plinth:index:PrometheusServer", name, inputs, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product="prometheus", role="metrics", version=version
        )
        server = self._server([self._network_policy(), *self._rights()])
        service = cluster_service.deploy(self._owner, name, {"web": PORT}, after=[server])
        if args.gateway:
            backend = service.metadata["name"]
            http_routes.deploy(
                self._owner,
                args.gateway,
                Host.PROMETHEUS,
                name=name,
                service=backend,
                port=PORT,
                paths=_PUBLISHED,
            )
        namespace = service.metadata["namespace"]
        self.address = pulumi.Output.concat("http://", name, ".", namespace, f":{PORT}")
        self.register_outputs({"address": self.address})

    def _rights(self) -> list[pulumi.Resource]:
        read = ["get", "list", "watch"]
        to_find_alertmanager: list[kubernetes.rbac.v1.PolicyRuleArgsDict] = [
            {"api_groups": [""], "resources": ["services"], "verbs": read},
            {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        ]
        access = AccessRights(owner=self._owner, account=self._name)
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
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(readers, PORT)] if readers else [],
                outgoing=args.destinations,
            ),
            opts=self._owner.child(),
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apiextensions.CustomResource:
        secret = kubernetes.core.v1.Secret(
            f"{self._name}-scrapes",
            metadata=self._owner.metadata(f"{self._name}-scrapes"),
            string_data={"scrapes.yaml": self._args.additional_scrapes},
            opts=self._owner.child(),
        )
        metadata = self._owner.metadata(self._name)
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
            opts=self._owner.child(after),
        )
