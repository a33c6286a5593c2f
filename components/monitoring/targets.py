"""What Prometheus scrapes; of each target only the metrics that a rule or a dashboard reads are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from components.monitoring.scope import Scope
from components.monitoring.timing import Timing, duration
from components.shapes import network_policies

OBJECT_STORE_PORT = 9102
POSTGRES_PORT = 9187
PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
OPERATOR_PORT = 8080
STATE_PORT = 8080
NODE_PORT = 9100
_KUBELET_PORT = 10250
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_API_SERVER = "kubernetes.default.svc:443"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Pods with metrics; `name` becomes their `job`."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    port: int
    metrics: tuple[str, ...]
    """Kept; all others are dropped."""
    only: Mapping[str, str] = field(default_factory=dict[str, str])
    """Label -> pattern: series in which the label has another value are dropped."""
    of_others: bool = False
    """Whether its series are of other pods, which its own labels must not hide."""

    def __post_init__(self) -> None:
        """Refuse a scrape of which nothing is read: an empty pattern would keep everything."""
        if not self.metrics:
            raise ValueError(f"metrics: none of {self.name} given; name those that are read")


def platform_targets(scope: Scope) -> list[Target]:
    """Return the targets of the platform's parts."""
    name, component = "app.kubernetes.io/name", "app.kubernetes.io/component"
    found = [
        Target(
            name="gateway",
            namespace=scope.gateway,
            labels={name: "traefik"},
            port=9000,
            metrics=(
                "traefik_entrypoint_requests_total",
                "traefik_open_connections",
                "traefik_service_request_duration_seconds_bucket",
                "traefik_service_request_duration_seconds_count",
                "traefik_service_requests_total",
            ),
        ),
        Target(
            name="pipelines",
            namespace=scope.pipelines,
            labels={name: "kubeflow-pipelines", component: "api-server"},
            port=8888,
            metrics=("run_server_create_requests", "run_server_run_count"),
        ),
        Target(
            name="workflows",
            namespace=scope.pipelines,
            labels={name: "argo-workflows", component: "controller"},
            port=9090,
            metrics=("argo_workflows_gauge", "argo_workflows_total_count", "argo_workflows_pods_gauge"),
        ),
        Target(
            name="registry",
            namespace=scope.tracking,
            labels={name: "mlflow", component: "server"},
            port=5000,
            metrics=(
                "mlflow_http_request_duration_seconds_count",
                "mlflow_http_request_duration_seconds_sum",
                "mlflow_http_request_total",
            ),
        ),
        Target(
            name="serving-controller",
            namespace=scope.serving,
            labels={name: "kserve", component: "controller"},
            port=8080,
            metrics=("controller_runtime_reconcile_total",),
        ),
        Target(
            name="predictors",
            namespace=scope.models,
            labels={"component": "predictor"},
            port=8080,
            metrics=(
                "plinth_prediction_requests_total",
                "request_predict_seconds_count",
                "request_predict_seconds_sum",
            ),
        ),
        Target(
            name="dns",
            namespace="kube-system",
            labels={"k8s-app": "kube-dns"},
            port=9153,
            metrics=("coredns_dns_responses_total",),
        ),
    ]
    return [*found, *_stores(scope)]


def _stores(scope: Scope) -> list[Target]:
    found: list[Target] = []
    if scope.postgres:
        found += [
            Target(
                name="postgres",
                namespace=scope.postgres,
                labels={"cnpg.io/podRole": "instance"},
                port=POSTGRES_PORT,
                metrics=("cnpg_backends_total", "cnpg_collector_up", "cnpg_pg_database_size_bytes"),
            ),
            Target(
                name="postgres-operator",
                namespace="cnpg-system",
                labels={"app.kubernetes.io/name": "cloudnative-pg"},
                port=8080,
                metrics=("controller_runtime_reconcile_total",),
            ),
        ]
    if scope.object_store:
        found.append(
            Target(
                name="object-store",
                namespace=scope.object_store,
                labels={"app.kubernetes.io/name": "versitygw"},
                port=OBJECT_STORE_PORT,
                metrics=("versitygw_failed_count", "versitygw_success_count"),
            )
        )
    return found


def own_targets(namespace: str) -> list[Target]:
    """Return the targets of the monitoring itself."""
    label = "app.kubernetes.io/name"

    def own(name: str, port: int, *metrics: str, of_others: bool = False, **only: str) -> Target:
        return Target(
            name=name,
            namespace=namespace,
            labels={label: name},
            port=port,
            metrics=metrics,
            only=dict(only),
            of_others=of_others,
        )

    return [
        own(
            "prometheus",
            PROMETHEUS_PORT,
            "prometheus_rule_evaluation_failures_total",
            "prometheus_tsdb_head_series",
            "prometheus_tsdb_storage_blocks_bytes",
        ),
        own("alertmanager", ALERTMANAGER_PORT, "alertmanager_notifications_failed_total"),
        own("prometheus-operator", OPERATOR_PORT, "prometheus_operator_reconcile_errors_total"),
        own(
            "kube-state-metrics",
            STATE_PORT,
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
            "node-exporter",
            NODE_PORT,
            "node_filesystem_avail_bytes",
            "node_filesystem_size_bytes",
            "node_load1",
            "node_memory_MemAvailable_bytes",
            "node_memory_MemTotal_bytes",
        ),
    ]


# Nodes and API servers are no pods: their scrapes are written out.
KUBELET_METRICS = ("pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes")
API_SERVER_METRICS = (
    "apiserver_client_certificate_expiration_seconds_bucket",
    "apiserver_current_inflight_requests",
)


def _kept(metrics: tuple[str, ...]) -> str:
    return "|".join(metrics)


def pod_monitor(target: Target, timing: Timing) -> dict[str, Any]:
    """Return the spec of a PodMonitor."""
    return {
        "namespaceSelector": {"matchNames": [target.namespace]},
        "selector": {"matchLabels": dict(target.labels)},
        "podMetricsEndpoints": [
            {
                "portNumber": target.port,
                "path": "/metrics",
                "interval": duration(timing.scrape_seconds),
                "scrapeTimeout": duration(min(10, timing.scrape_seconds)),
                "honorLabels": target.of_others,
                "relabelings": [
                    {"targetLabel": "job", "replacement": target.name},
                    {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    # The pod says it all; every further label is paid for in every series.
                    {"action": "labeldrop", "regex": "container|endpoint"},
                ],
                "metricRelabelings": [
                    {"sourceLabels": ["__name__"], "regex": _kept(target.metrics), "action": "keep"},
                    *(
                        {"sourceLabels": [label], "regex": pattern, "action": "keep"}
                        for label, pattern in target.only.items()
                    ),
                ],
            }
        ],
    }


def additional_scrapes(timing: Timing) -> str:
    """Return the scrape configurations of what is no pod, as Prometheus reads them."""
    access: dict[str, Any] = {
        "scheme": "https",
        "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
        "scrape_interval": duration(timing.scrape_seconds),
        "scrape_timeout": "10s",
    }
    kubelet = {
        "job_name": "kubelet",
        **access,
        "metrics_path": "/metrics/resource",
        # Kubelets sign their own certificates, unless a cluster approves them.
        "tls_config": {"insecure_skip_verify": True},
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [{"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"}],
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": _kept(KUBELET_METRICS), "action": "keep"}
        ],
    }
    api_server = {
        "job_name": "api-server",
        **access,
        # Megabytes of text each time, of which almost nothing is kept.
        "scrape_interval": duration(max(60, timing.scrape_seconds)),
        "tls_config": {"ca_file": f"{_ACCOUNT}/ca.crt"},
        "static_configs": [{"targets": [_API_SERVER]}],
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": _kept(API_SERVER_METRICS), "action": "keep"}
        ],
    }
    return yaml.safe_dump([kubelet, api_server], sort_keys=False)


def egress(targets: list[Target]) -> list[network_policies.EgressRule]:
    """Return the ways that Prometheus needs to its targets, and no other."""
    rules = [
        network_policies.egress(
            [network_policies.pods(dict(target.labels), target.namespace)],
            target.port,
        )
        for target in targets
    ]
    nodes = network_policies.egress([network_policies.anywhere()], _KUBELET_PORT)
    return [network_policies.api_server(), nodes, *rules]


def metrics(targets: list[Target]) -> set[str]:
    """Return every metric that is kept of any target."""
    kept = {name for target in targets for name in target.metrics}
    return kept | {*KUBELET_METRICS, *API_SERVER_METRICS, "up"}
