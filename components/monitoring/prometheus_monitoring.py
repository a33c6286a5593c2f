"""Prometheus with rules and dashboards for the whole platform, and an Alertmanager that notifies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from cryptography import x509
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.monitoring import cluster_watch, dashboards, targets
from components.monitoring.alertmanager import POD_LABELS as ALERTMANAGER_LABELS
from components.monitoring.alertmanager import Alertmanager, AlertmanagerArgs
from components.monitoring.cluster_exporters import ClusterExporters, ClusterExportersArgs
from components.monitoring.grafana import Grafana, GrafanaArgs
from components.monitoring.prometheus_operator import PrometheusOperator, PrometheusOperatorArgs
from components.monitoring.prometheus_server import (
    POD_LABELS,
    PrometheusServer,
    PrometheusServerArgs,
    RemoteWrite,
)
from components.monitoring.rules import group
from components.monitoring.team_metrics import PRODUCT, TeamMetrics, TeamMetricsArgs, TeamView
from components.monitoring.timing import OPERATION, Timing
from components.monitoring.watch import Watch
from components.shapes import network_policies
from components.shapes.labels import NAME, labels
from workloads.contract import Host

_API_VERSION = "monitoring.coreos.com/v1"


def scraper(namespace: pulumi.Input[str]) -> network_policies.Peer:
    """Return the pods that scrape metrics, for network policies of scraped pods."""
    return network_policies.pods(POD_LABELS, namespace)


def alert_sender(namespace: pulumi.Input[str]) -> network_policies.Peer:
    """Return the pods that send alerts, for network policies of their receivers."""
    return network_policies.pods(ALERTMANAGER_LABELS, namespace)


@dataclass(frozen=True, kw_only=True)
class MonitoringImages:
    """Images of the programs that monitoring runs."""

    alertmanager: str
    config_reloader: str
    kube_state_metrics: str
    node_exporter: str
    operator: str
    prometheus: str
    label_proxy: str


@dataclass(frozen=True, kw_only=True)
class PrometheusMonitoringArgs:
    """Inputs of `PrometheusMonitoring`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    cluster_name: str
    """Label of every sample sent by remote write."""
    images: MonitoringImages
    """Images of its programs."""
    watch: Watch
    """Targets, rules and dashboards of all parts, its own included."""
    timing: Timing = OPERATION
    """Scrape interval and alert timing."""
    certificates: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Name -> PEM of certificates that alert before they expire."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes Prometheus as `prometheus.<domain>`, if any."""
    teams: Mapping[str, TeamView] = field(default_factory=dict[str, TeamView])
    """Team -> what it sees of the metrics, behind the gateway."""
    retention: str = "15d"
    """How long samples are kept, disk space permitting."""
    storage_size: str = "10Gi"
    """Size of Prometheus' volume."""
    remote_write: RemoteWrite | None = None
    """Remote write target for long-term storage."""
    webhook_url: str | None = None
    """Webhook that receives every alert."""
    grafana_image: str | None = None
    """Image of Grafana; without it the dashboards are ConfigMaps for an existing Grafana."""


def expiry_seconds(pem: str) -> int:
    """Return when a certificate expires, in seconds since 1970.

    Anything that is not a certificate counts as expired, so that it alerts at once.
    """
    try:
        return int(x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.timestamp())
    except ValueError:
        return 0


class PrometheusMonitoring(pulumi.ComponentResource):
    """Operator, exporters, Alertmanager and Prometheus with its targets, rules and dashboards."""

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrometheusMonitoringArgs, opts: ResourceOptions | None = None
    ) -> None:
        inputs = {"retention": args.retention, "remote_write": args.remote_write is not None}
        super().__init__("plinth:index:PrometheusMonitoring", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = labels("monitoring", name, "monitoring")
        self._scraper = network_policies.pods(POD_LABELS)
        operator = self._operator()
        self._exporters()
        self._monitors(operator)
        self._rules(operator)
        server = self._server(operator)
        pages = self._dashboards()
        if args.grafana_image:
            self._grafana(args.grafana_image, server, pages)
        if args.gateway and args.teams:
            self._team_metrics(args.gateway, server)
        # Resolves when Prometheus answers, published or not.
        self.url = server.address.apply(
            lambda address: args.gateway.url(Host.PROMETHEUS) if args.gateway else address
        )
        self.register_outputs({"url": self.url})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _operator(self) -> PrometheusOperator:
        return PrometheusOperator(
            f"{self._name}-operator",
            PrometheusOperatorArgs(
                namespace=self._args.namespace,
                image=self._args.images.operator,
                reloader_image=self._args.images.config_reloader,
                scrapers=(self._scraper,),
            ),
            self._child,
        )

    def _exporters(self) -> None:
        state = next(each for each in self._args.watch.targets if each.name == "kube-state-metrics")
        ClusterExporters(
            f"{self._name}-exporters",
            ClusterExportersArgs(
                namespace=self._args.namespace,
                state_image=self._args.images.kube_state_metrics,
                node_image=self._args.images.node_exporter,
                state_metrics=state.metrics,
                scrapers=(self._scraper,),
            ),
            self._child,
        )

    def _monitors(self, operator: PrometheusOperator) -> None:
        for target in self._args.watch.targets:
            kubernetes.apiextensions.CustomResource(
                f"{self._name}-{target.name}-monitor",
                api_version=_API_VERSION,
                kind="PodMonitor",
                metadata=self._metadata(target.name),
                spec=targets.pod_monitor(target, self._args.timing),
                opts=ResourceOptions(parent=self, depends_on=[operator]),
            )

    def _rules(self, operator: PrometheusOperator) -> None:
        args = self._args
        names = sorted(args.certificates)
        # An expiry date is not secret, although the certificate that it comes from is stored as one.
        expiries = pulumi.Output.unsecret(
            pulumi.Output.all(*(args.certificates[each] for each in names)).apply(
                lambda found: {each: expiry_seconds(pem) for each, pem in zip(names, found, strict=True)}
            )
        )

        def groups(known: dict[str, int]) -> list[dict[str, object]]:
            found = {**args.watch.rules, "certificates": cluster_watch.certificates(known, args.timing)}
            return [group(each, found[each], args.timing) for each in sorted(found)]

        kubernetes.apiextensions.CustomResource(
            f"{self._name}-rules",
            api_version=_API_VERSION,
            kind="PrometheusRule",
            metadata=self._metadata("platform"),
            spec={"groups": expiries.apply(groups)},
            opts=ResourceOptions(parent=self, depends_on=[operator]),
        )

    def _server(self, operator: PrometheusOperator) -> PrometheusServer:
        args = self._args
        alertmanager = Alertmanager(
            f"{self._name}-alertmanager",
            AlertmanagerArgs(
                namespace=operator.namespace,
                image=args.images.alertmanager,
                timing=args.timing,
                senders=(self._scraper,),
                receivers=args.watch.receivers,
                webhook_url=args.webhook_url,
            ),
            self._child,
        )
        return PrometheusServer(
            f"{self._name}-prometheus",
            PrometheusServerArgs(
                namespace=operator.namespace,
                image=args.images.prometheus,
                timing=args.timing,
                cluster_name=args.cluster_name,
                alertmanager_service=alertmanager.service,
                destinations=tuple(targets.egress(args.watch.targets)),
                additional_scrapes=targets.additional_scrapes(args.timing),
                gateway=args.gateway,
                readers=tuple(network_policies.pods({NAME: each}) for each in ("grafana", PRODUCT)),
                retention=args.retention,
                storage_size=args.storage_size,
                remote_write=args.remote_write,
            ),
            self._child,
        )

    def _dashboards(self) -> dict[str, pulumi.Output[str]]:
        made = {
            page.name: kubernetes.core.v1.ConfigMap(
                f"{self._name}-dashboard-{page.name}",
                metadata={
                    **self._metadata(f"dashboard-{page.name}"),
                    # The label that Grafana's side-cars look for.
                    "labels": {**self._labels, "grafana_dashboard": "1"},
                },
                data={f"{page.name}.json": dashboards.render(page)},
                opts=self._child,
            )
            for page in self._args.watch.dashboards
        }
        return {name: each.metadata["name"].apply(str) for name, each in made.items()}

    def _grafana(self, image: str, server: PrometheusServer, pages: Mapping[str, pulumi.Input[str]]) -> None:
        Grafana(
            f"{self._name}-grafana",
            GrafanaArgs(
                namespace=self._args.namespace,
                image=image,
                prometheus_url=server.address,
                prometheus=self._scraper,
                dashboards=pages,
                gateway=self._args.gateway,
            ),
            self._child,
        )

    def _team_metrics(self, gateway: GatewayConnection, server: PrometheusServer) -> None:
        TeamMetrics(
            f"{self._name}-teams",
            TeamMetricsArgs(
                namespace=self._args.namespace,
                image=self._args.images.label_proxy,
                prometheus_url=server.address,
                prometheus=self._scraper,
                gateway=gateway,
                teams=self._args.teams,
            ),
            self._child,
        )
