"""Dashboards for Grafana, made from short descriptions of their panels."""

import json
from dataclasses import dataclass
from typing import Any

from components.monitoring import platform_rules, serving_rules
from components.monitoring.scope import Scope
from components.monitoring.timing import Timing, duration

_COLUMNS = 24
_WIDTH = 12
_HEIGHT = 8
# Grafana's own name for whichever Prometheus is chosen at the top of the dashboard.
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One graph: legend -> query."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page of panels."""

    name: str
    title: str
    panels: tuple[Panel, ...]

    def queries(self) -> list[str]:
        """Return every query of the page."""
        return [query for panel in self.panels for query in panel.queries.values()]


def render(dashboard: Dashboard) -> str:
    """Return the JSON that Grafana imports."""
    per_row = _COLUMNS // _WIDTH
    panels = [
        _panel(panel, number, x=number % per_row * _WIDTH, y=number // per_row * _HEIGHT)
        for number, panel in enumerate(dashboard.panels)
    ]
    source = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
    page = {
        "uid": f"plinth-{dashboard.name}",
        "title": f"plinth / {dashboard.title}",
        "tags": ["plinth"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(page, indent=1, sort_keys=True)


def _panel(panel: Panel, number: int, *, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def all_dashboards(scope: Scope, timing: Timing) -> list[Dashboard]:
    """Return every dashboard of a platform."""
    window = duration(timing.burns[0].short_seconds)
    return [
        _platform(window),
        _serving(window),
        _pipelines(window, scope),
        _registry(window, scope),
        _gpu_pools(),
    ]


def _platform(window: str) -> Dashboard:
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
                queries={"{{name}}": f"({platform_rules.CERTIFICATE} - time()) / 86400"},
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


def _serving(window: str) -> Dashboard:
    buckets = f"rate(traefik_service_request_duration_seconds_bucket[{window}])"
    return Dashboard(
        name="serving",
        title="Serving",
        panels=(
            Panel(
                title="Requests",
                queries={
                    "{{service}}": f"sum by (service) (rate(traefik_service_requests_total[{window}]))",
                },
                unit="reqps",
            ),
            Panel(
                title="Share of server errors",
                queries={"{{service}}": serving_rules.errors(window)},
                unit="percentunit",
            ),
            Panel(
                title="Share of slow requests",
                queries={"{{service}}": serving_rules.slow(window)},
                unit="percentunit",
            ),
            Panel(
                title="Latency, p50 and p99",
                queries={
                    "p50 {{service}}": f"histogram_quantile(0.5, sum by (service, le) ({buckets}))",
                    "p99 {{service}}": f"histogram_quantile(0.99, sum by (service, le) ({buckets}))",
                },
                unit="s",
            ),
            Panel(
                title="Answers of the predictors",
                queries={
                    "{{model_name}} {{protocol}} {{code}}": (
                        "sum by (model_name, protocol, code) "
                        f"(rate(plinth_prediction_requests_total[{window}]))"
                    ),
                },
                unit="reqps",
            ),
            Panel(
                title="Time in the model, mean",
                queries={
                    "{{model_name}}": (
                        f"sum by (model_name) (rate(request_predict_seconds_sum[{window}])) "
                        f"/ sum by (model_name) (rate(request_predict_seconds_count[{window}]))"
                    ),
                },
                unit="s",
            ),
            Panel(
                title="Answers and connections of the gateway",
                queries={
                    "{{code}}": f"sum by (code) (rate(traefik_entrypoint_requests_total[{window}]))",
                    "open connections": "sum(traefik_open_connections)",
                },
            ),
            Panel(
                title="Work of the controllers",
                queries={
                    "{{job}} {{result}}": (
                        f"sum by (job, result) (rate(controller_runtime_reconcile_total[{window}]))"
                    ),
                },
            ),
        ),
    )


def _pipelines(window: str, scope: Scope) -> Dashboard:
    panels = [
        Panel(
            title="Runs by phase, now",
            queries={"{{phase}}": "sum by (phase) (argo_workflows_gauge)"},
        ),
        Panel(
            title="Runs that entered a phase",
            queries={"{{phase}}": "sum by (phase) (argo_workflows_total_count)"},
        ),
        Panel(
            title="Pods of steps by phase",
            queries={"{{phase}}": "sum by (phase) (argo_workflows_pods_gauge)"},
        ),
        Panel(
            title="Runs asked for and kept",
            queries={
                "created": f"sum(increase(run_server_create_requests[{window}]))",
                "kept": "sum(run_server_run_count)",
            },
        ),
        Panel(
            title="Memory of the pipelines' pods",
            queries={
                "{{pod}}": f'sum by (pod) (pod_memory_working_set_bytes{{namespace="{scope.pipelines}"}})'
            },
            unit="bytes",
        ),
    ]
    if scope.object_store:
        panels.append(
            Panel(
                title="Requests at the object store",
                queries={
                    "{{action}}": f"sum by (action) (rate(versitygw_success_count[{window}]))",
                    "failed {{action}} {{status}}": (
                        f"sum by (action, status) (rate(versitygw_failed_count[{window}]))"
                    ),
                },
                unit="reqps",
            )
        )
    return Dashboard(name="pipelines", title="Pipelines", panels=tuple(panels))


def _registry(window: str, scope: Scope) -> Dashboard:
    panels = [
        Panel(
            title="Requests to MLflow",
            queries={"{{status}}": f"sum by (status) (rate(mlflow_http_request_total[{window}]))"},
            unit="reqps",
        ),
        Panel(
            title="Time of a request, mean",
            queries={
                "{{method}}": (
                    f"sum by (method) (rate(mlflow_http_request_duration_seconds_sum[{window}])) "
                    f"/ sum by (method) (rate(mlflow_http_request_duration_seconds_count[{window}]))"
                ),
            },
            unit="s",
        ),
    ]
    if scope.postgres:
        panels += [
            Panel(
                title="Instances of the database that answer",
                queries={"up": "sum(cnpg_collector_up)"},
                kind="stat",
            ),
            Panel(
                title="Connections to the database",
                queries={"{{state}}": "sum by (state) (cnpg_backends_total)"},
            ),
            Panel(
                title="Size of the databases",
                queries={"{{datname}}": "sum by (datname) (cnpg_pg_database_size_bytes)"},
                unit="bytes",
            ),
        ]
    return Dashboard(name="registry", title="Registry", panels=tuple(panels))


def _gpu_pools() -> Dashboard:
    gpu = '{resource="nvidia_com_gpu"}'
    requests = f"kube_pod_container_resource_requests{gpu}"
    return Dashboard(
        name="gpu-pools",
        title="GPU pools",
        panels=(
            Panel(
                title="GPUs of the nodes",
                queries={"{{node}}": f"sum by (node) (kube_node_status_allocatable{gpu})"},
            ),
            Panel(
                title="GPUs asked for, by namespace",
                queries={"{{namespace}}": f"sum by (namespace) ({requests})"},
            ),
            Panel(
                title="GPUs waited for",
                queries={
                    "{{namespace}}/{{pod}}": (
                        f"sum by (namespace, pod) ({requests}) "
                        'and on (namespace, pod) kube_pod_status_phase{phase="Pending"} == 1'
                    ),
                },
            ),
            Panel(
                title="Memory asked for, by node",
                queries={
                    "{{node}}": (
                        'sum by (node) (kube_pod_container_resource_requests{resource="memory"}) '
                        '/ sum by (node) (kube_node_status_allocatable{resource="memory"})'
                    ),
                },
                unit="percentunit",
            ),
        ),
    )
