"""Targets, alerts and dashboard of the monitoring itself and of the cluster."""

from components.monitoring import alertmanager, cluster_exporters, prometheus_operator, prometheus_server
from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import Recording, Rule, alert
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch
from components.shapes.labels import NAME

CERTIFICATE = "plinth_certificate:expiry:timestamp_seconds"
_FREE_SHARE = 0.1
_EXPIRY_DAYS = 21


def watch(namespace: str, timing: Timing) -> Watch:
    """Return targets, alerts and dashboard of the monitoring, the nodes and the cluster's DNS.

    Args:
        namespace: of Prometheus and its exporters.
        timing: durations of the stack's monitoring.
    """
    return Watch(
        targets=_targets(namespace),
        rules={"nodes": _nodes(timing), "monitoring": _monitoring(timing)},
        dashboards=(_dashboard(duration(timing.burns[0].short_seconds)),),
    )


def certificates(expiries: dict[str, int], timing: Timing) -> tuple[Rule, ...]:
    """Return when each certificate expires, and the alerts before it does.

    Args:
        expiries: certificate -> seconds since 1970.
        timing: durations.
    """
    known: list[Rule] = [
        Recording(record=CERTIFICATE, expression=f'label_replace(vector({at}), "name", "{name}", "", "")')
        for name, at in sorted(expiries.items())
    ]
    clients = "apiserver_client_certificate_expiration_seconds_bucket"
    days = _EXPIRY_DAYS * 86400
    return (
        *known,
        alert(
            timing,
            "CertificateExpires",
            f"{CERTIFICATE} - time() < {days}",
            "The certificate {{ $labels.name }} expires in {{ $value | humanizeDuration }}",
            "Run `pulumi up`: the first one after 60 days renews it.",
            severity="warning",
        ),
        alert(
            timing,
            "ClientCertificateExpires",
            # Of the certificates with which clients called the API server.
            f"histogram_quantile(0.01, sum by (le) (increase({clients}[1h]))) < {7 * 86400}",
            "A client calls the Kubernetes API with a certificate that expires within a week",
            "Renew the certificates of kubelets and administrators.",
            severity="warning",
        ),
    )


def _targets(namespace: str) -> tuple[Target, ...]:
    """Return the targets of the monitoring itself."""

    def own(name: str, port: int, *metrics: str, of_others: bool = False, **only: str) -> Target:
        return Target(
            name=name,
            namespace=namespace,
            labels={NAME: name},
            port=port,
            metrics=metrics,
            only=dict(only),
            of_others=of_others,
        )

    return (
        # Comes with every cluster.
        Target(
            name="dns",
            namespace="kube-system",
            labels={"k8s-app": "kube-dns"},
            port=9153,
            metrics=("coredns_dns_responses_total",),
        ),
        own(
            "prometheus",
            prometheus_server.PORT,
            "prometheus_rule_evaluation_failures_total",
            "prometheus_tsdb_head_series",
            "prometheus_tsdb_storage_blocks_bytes",
        ),
        own("alertmanager", alertmanager.PORT, "alertmanager_notifications_failed_total"),
        own(
            prometheus_operator.PROJECT,
            prometheus_operator.PORT,
            "prometheus_operator_reconcile_errors_total",
        ),
        own(
            cluster_exporters.STATE,
            cluster_exporters.STATE_PORT,
            "kube_deployment_status_replicas_available",
            "kube_node_status_allocatable",
            "kube_pod_container_resource_requests",
            "kube_pod_container_status_restarts_total",
            "kube_pod_status_phase",
            of_others=True,
            # Every pod has a series per phase, all but one of them 0.
            phase="Pending|",
            resource="memory|nvidia_com_gpu|",
        ),
        own(
            cluster_exporters.NODE,
            cluster_exporters.NODE_PORT,
            "node_filesystem_avail_bytes",
            "node_filesystem_size_bytes",
            "node_load1",
            "node_memory_MemAvailable_bytes",
            "node_memory_MemTotal_bytes",
        ),
    )


def _nodes(timing: Timing) -> tuple[Rule, ...]:
    """Return the alerts of disks and memory."""
    return (
        alert(
            timing,
            "NodeDiskFilling",
            f"node_filesystem_avail_bytes / node_filesystem_size_bytes < {_FREE_SHARE}",
            "The disk of {{ $labels.node }} has {{ $value | humanizePercentage }} left",
            "Delete images and volumes that nothing uses, or grow the disk: the kubelet evicts pods soon.",
        ),
        alert(
            timing,
            "NodeMemoryLow",
            "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05",
            "{{ $labels.node }} has {{ $value | humanizePercentage }} of its memory left",
            "kubectl top pods --all-namespaces --sort-by=memory",
            severity="warning",
        ),
    )


def _monitoring(timing: Timing) -> tuple[Rule, ...]:
    """Return the alerts on what should tell of everything else."""
    window = duration(timing.window_seconds)
    return (
        alert(
            timing,
            "TargetDown",
            "up == 0",
            "{{ $labels.job }} at {{ $labels.instance }} gives no metrics: no alert of it can fire",
            "The targets of Prometheus name the error; often a network policy or a port.",
            severity="warning",
        ),
        alert(
            timing,
            "PodRestarting",
            f"increase(kube_pod_container_status_restarts_total[{window}]) > 3",
            "{{ $labels.namespace }}/{{ $labels.pod }} restarted more than three times",
            "kubectl logs --previous",
            severity="warning",
            hold_seconds=0,
        ),
        alert(
            timing,
            "RulesFailing",
            f"sum(increase(prometheus_rule_evaluation_failures_total[{window}])) > 0",
            "A rule cannot be evaluated: its alert never fires",
            "The rules of Prometheus name the error.",
            hold_seconds=0,
        ),
        alert(
            timing,
            "MonitoringNotApplied",
            f"sum by (controller) (increase(prometheus_operator_reconcile_errors_total[{window}])) > 0",
            "The operator cannot apply a {{ $labels.controller }}: what changed is not in force",
            "The operator's log names the resource and the error.",
            severity="warning",
        ),
        alert(
            timing,
            "NotificationsFailing",
            f"sum by (integration) (increase(alertmanager_notifications_failed_total[{window}])) > 0",
            "Alerts do not reach their receivers by {{ $labels.integration }}",
            "Alertmanager's log names the error.",
            severity="warning",
            hold_seconds=0,
        ),
    )


def _dashboard(window: str) -> Dashboard:
    down = "kube_deployment_status_replicas_available < 1"
    return Dashboard(
        name="platform",
        title="Platform",
        panels=(
            Panel(
                title="Alerts firing",
                queries={"{{alertname}}": 'sum by (alertname) (ALERTS{alertstate="firing"})'},
            ),
            Panel(
                title="Deployments without a ready pod",
                queries={"{{namespace}}/{{deployment}}": f"sum by (namespace, deployment) ({down} + 1)"},
            ),
            Panel(
                title="Memory by namespace",
                queries={"{{namespace}}": "sum by (namespace) (pod_memory_working_set_bytes)"},
                unit="bytes",
            ),
            Panel(
                title="CPU by namespace",
                queries={
                    "{{namespace}}": f"sum by (namespace) (rate(pod_cpu_usage_seconds_total[{window}]))"
                },
            ),
            Panel(
                title="Memory of the nodes",
                queries={
                    "{{node}} free": "node_memory_MemAvailable_bytes",
                    "{{node}}": "node_memory_MemTotal_bytes",
                },
                unit="bytes",
            ),
            Panel(
                title="Disk of the nodes, used",
                queries={"{{node}}": "1 - node_filesystem_avail_bytes / node_filesystem_size_bytes"},
                unit="percentunit",
            ),
            Panel(title="Load of the nodes", queries={"{{node}}": "node_load1"}),
            Panel(
                title="Calls of the Kubernetes API in flight",
                queries={"{{request_kind}}": "sum by (request_kind) (apiserver_current_inflight_requests)"},
            ),
            Panel(
                title="Answers of the cluster's DNS",
                queries={"{{rcode}}": f"sum by (rcode) (rate(coredns_dns_responses_total[{window}]))"},
                unit="reqps",
            ),
            Panel(
                title="Certificates, days left",
                queries={"{{name}}": f"({CERTIFICATE} - time()) / 86400"},
                unit="d",
                kind="stat",
            ),
            Panel(
                title="Series and bytes of Prometheus",
                queries={
                    "series": "sum(prometheus_tsdb_head_series)",
                    "bytes on disk": "sum(prometheus_tsdb_storage_blocks_bytes)",
                },
            ),
            Panel(title="Targets down", queries={"{{job}}": "count by (job) (up == 0)"}),
        ),
    )
