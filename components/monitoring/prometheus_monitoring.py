"""Prometheus, its alerts and dashboards for the whole platform, and an Alertmanager that tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from cryptography import x509
from pulumi import ResourceOptions

from components.connections import GatewayConnection
from components.images import reference
from components.monitoring import dashboards, platform_rules, serving_rules, targets
from components.monitoring.alertmanager import Alertmanager, AlertmanagerArgs
from components.monitoring.cluster_exporters import ClusterExporters, ClusterExportersArgs
from components.monitoring.grafana import Grafana, GrafanaArgs
from components.monitoring.prometheus_operator import PrometheusOperator, PrometheusOperatorArgs
from components.monitoring.prometheus_server import PrometheusServer, PrometheusServerArgs, RemoteWrite
from components.monitoring.rules import Rule, group
from components.monitoring.scope import Objectives, Scope
from components.monitoring.timing import OPERATION, Timing
from components.shapes import network_policies
from components.shapes.labels import labels

_API_VERSION = "monitoring.coreos.com/v1"


def scraper(namespace: pulumi.Input[str]) -> network_policies.Peer:
    """Return the pods that read metrics, for the policies of those who have some."""
    return network_policies.pods({"app.kubernetes.io/name": "prometheus"}, namespace)


@dataclass(frozen=True, kw_only=True)
class PrometheusMonitoringArgs:
    """What monitoring needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    namespace_name: str
    """Its name, which targets are looked for by."""
    cluster_name: str
    """Label of every sample that is written elsewhere."""
    scope: Scope
    """What there is to watch."""
    objectives: Objectives = field(default_factory=Objectives)
    """What serving promises."""
    timing: Timing = OPERATION
    """How often is measured and how soon alerted."""
    certificates: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Name -> PEM of certificates whose expiry is told in time."""
    gateway: GatewayConnection | None = None
    """Where to publish Prometheus as `prometheus.<domain>`, if anywhere."""
    retention: str = "15d"
    """How long samples are kept, if there is room."""
    storage_size: str = "10Gi"
    """Size of Prometheus' volume."""
    remote_write: RemoteWrite | None = None
    """Where samples are kept for longer."""
    webhook_url: str | None = None
    """Where every alert goes."""
    registry: str = ""
    """Prefix of our images; without it all images are built here."""
    grafana_image: str | None = None
    """Grafana, where its image can be pulled; without it the dashboards are ConfigMaps for another one."""

    def __post_init__(self) -> None:
        """Refuse names that a rule group cannot have."""
        if not self.namespace_name:
            raise ValueError("namespace_name: empty; give the name of the namespace")


def expiry_seconds(pem: str) -> int:
    """Return when a certificate expires, in seconds since 1970.

    What is no certificate has expired: that alerts at once, and rightly so.
    """
    try:
        return int(x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.timestamp())
    except ValueError:
        return 0


def rule_groups(
    scope: Scope, objectives: Objectives, timing: Timing, expiries: dict[str, int]
) -> dict[str, list[Rule]]:
    """Return every rule by its group."""
    return {
        "serving-objectives": serving_rules.rules(scope, objectives, timing),
        "serving": platform_rules.serving(scope, timing),
        "gateway": platform_rules.gateway(scope, timing),
        "pipelines": platform_rules.pipelines(scope, timing),
        "registry": platform_rules.registry(scope, timing),
        "object-store": platform_rules.object_store(scope, timing),
        "certificates": platform_rules.certificates(expiries, timing),
        "nodes": platform_rules.nodes(timing),
        "gpus": platform_rules.gpus(timing),
        "monitoring": platform_rules.monitoring(timing),
    }


class PrometheusMonitoring(pulumi.ComponentResource):
    """Operator, exporters, Alertmanager, Prometheus, and what they scrape, alert on and show."""

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
        self._targets = [
            *targets.platform_targets(args.scope),
            *targets.own_targets(args.namespace_name),
        ]
        self._scraper = network_policies.pods({"app.kubernetes.io/name": "prometheus"})
        operator = self._operator()
        self._exporters()
        self._monitors(operator)
        self._rules(operator)
        server = self._server(operator)
        pages = self._dashboards()
        if args.grafana_image:
            self._grafana(args.grafana_image, server, pages)
        # Published or not, it is known when Prometheus answers.
        self.url = server.address.apply(
            lambda address: f"http://prometheus.{args.gateway.domain}" if args.gateway else address
        )
        self.register_outputs({"url": self.url})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _operator(self) -> PrometheusOperator:
        return PrometheusOperator(
            f"{self._name}-operator",
            PrometheusOperatorArgs(
                namespace=self._args.namespace,
                image=reference("prometheus-operator", self._args.registry),
                reloader_image=reference("prometheus-config-reloader", self._args.registry),
                scrapers=(self._scraper,),
            ),
            self._child,
        )

    def _exporters(self) -> None:
        state = next(each for each in self._targets if each.name == "kube-state-metrics")
        ClusterExporters(
            f"{self._name}-exporters",
            ClusterExportersArgs(
                namespace=self._args.namespace,
                state_image=reference("kube-state-metrics", self._args.registry),
                node_image=reference("node-exporter", self._args.registry),
                state_metrics=state.metrics,
                scrapers=(self._scraper,),
            ),
            self._child,
        )

    def _monitors(self, operator: PrometheusOperator) -> None:
        for target in self._targets:
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
        # A date is no secret, though it comes with a certificate that the engine keeps as one.
        expiries = pulumi.Output.unsecret(
            pulumi.Output.all(*(args.certificates[each] for each in names)).apply(
                lambda found: {each: expiry_seconds(pem) for each, pem in zip(names, found, strict=True)}
            )
        )

        def groups(known: dict[str, int]) -> list[dict[str, object]]:
            found = rule_groups(args.scope, args.objectives, args.timing, known)
            return [group(each, rules, args.timing) for each, rules in found.items() if rules]

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
                image=reference("alertmanager", self._args.registry),
                timing=args.timing,
                senders=(self._scraper,),
                webhook_url=args.webhook_url,
            ),
            self._child,
        )
        return PrometheusServer(
            f"{self._name}-prometheus",
            PrometheusServerArgs(
                namespace=operator.namespace,
                image=reference("prometheus", self._args.registry),
                timing=args.timing,
                cluster_name=args.cluster_name,
                alertmanager_service=alertmanager.service,
                destinations=tuple(targets.egress(self._targets)),
                additional_scrapes=targets.additional_scrapes(args.timing),
                gateway=args.gateway,
                readers=(network_policies.pods({"app.kubernetes.io/name": "grafana"}),),
                retention=args.retention,
                storage_size=args.storage_size,
                remote_write=args.remote_write,
            ),
            self._child,
        )

    def _dashboards(self) -> dict[str, pulumi.Output[str]]:
        pages = dashboards.all_dashboards(self._args.scope, self._args.timing)
        made = {
            page.name: kubernetes.core.v1.ConfigMap(
                f"{self._name}-dashboard-{page.name}",
                metadata={
                    **self._metadata(f"dashboard-{page.name}"),
                    # What Grafana's side-cars look for.
                    "labels": {**self._labels, "grafana_dashboard": "1"},
                },
                data={f"{page.name}.json": dashboards.render(page)},
                opts=self._child,
            )
            for page in pages
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
