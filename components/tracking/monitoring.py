"""Scrape target, alerts and dashboard of MLflow."""

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch
from components.tracking import mlflow_tracking


def watch(namespace: str, timing: Timing) -> Watch:
    """Return target, alerts and dashboard of the tracking server."""
    target = Target(
        name="registry",
        namespace=namespace,
        labels=mlflow_tracking.POD_LABELS,
        port=mlflow_tracking.PORT,
        metrics=(
            "mlflow_http_request_duration_seconds_count",
            "mlflow_http_request_duration_seconds_sum",
            "mlflow_http_request_total",
        ),
    )
    window = duration(timing.window_seconds)
    failed = f'sum(increase(mlflow_http_request_total{{status=~"5.."}}[{window}]))'
    rules = (
        alert(
            timing,
            "RegistryDown",
            deployment_down(namespace),
            "MLflow is down: runs are not recorded, models not registered",
            f"kubectl -n {namespace} describe pods",
        ),
        alert(
            timing,
            "RegistryErrors",
            f"{failed} / (sum(increase(mlflow_http_request_total[{window}])) > 5) > 0.05",
            "{{ $value | humanizePercentage }} of the requests to MLflow end in a server error",
            f"kubectl -n {namespace} logs deployment/mlflow; is its database reachable?",
            severity="warning",
            share=0.1,
        ),
    )
    page = _dashboard(duration(timing.burns[0].short_seconds))
    return Watch(targets=(target,), rules={"registry": rules}, dashboards=(page,))


def _dashboard(window: str) -> Dashboard:
    seconds = f"sum by (method) (rate(mlflow_http_request_duration_seconds_sum[{window}]))"
    count = f"sum by (method) (rate(mlflow_http_request_duration_seconds_count[{window}]))"
    return Dashboard(
        name="registry",
        title="Registry",
        panels=(
            Panel(
                title="Requests to MLflow",
                queries={"{{status}}": f"sum by (status) (rate(mlflow_http_request_total[{window}]))"},
                unit="reqps",
            ),
            Panel(title="Time of a request, mean", queries={"{{method}}": f"{seconds} / {count}"}, unit="s"),
        ),
    )
