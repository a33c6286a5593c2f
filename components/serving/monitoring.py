"""Scrape targets, alerts and dashboard of KServe and the predictors."""

from collections.abc import Mapping

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch
from components.serving import burn_rates, kserve_controller, model_namespace
from components.serving.objectives import Objectives
from workloads.contract import of_team


def watch(
    namespace: str, models_namespaces: Mapping[str, str], objectives: Objectives, timing: Timing
) -> Watch:
    """Return targets, alerts and dashboard of serving.

    Args:
        namespace: of KServe's controller.
        models_namespaces: team -> namespace of its predictors; the stack's own, of no team, comes first.
        objectives: service-level objectives.
        timing: durations of the stack's monitoring.
    """
    of_models = tuple(models_namespaces.values())
    rules = (
        alert(
            timing,
            "PredictorDown",
            deployment_down(*of_models),
            "{{ $labels.deployment }} has no pod that answers",
            "kubectl -n {{ $labels.namespace }} describe pods; without its artifact no pod starts.",
        ),
        alert(
            timing,
            "ServingControllerDown",
            deployment_down(namespace),
            "KServe's controller is down: models keep serving, none can be deployed or restarted",
            f"kubectl -n {namespace} describe pods",
        ),
    )
    return Watch(
        targets=_targets(namespace, models_namespaces),
        rules={
            "serving-objectives": tuple(burn_rates.rules(of_models, objectives, timing)),
            "serving": rules,
        },
        dashboards=(_dashboard(duration(timing.burns[0].short_seconds)),),
    )


def _targets(namespace: str, models_namespaces: Mapping[str, str]) -> tuple[Target, ...]:
    return (
        Target(
            name="serving-controller",
            namespace=namespace,
            labels=kserve_controller.POD_LABELS,
            port=kserve_controller.METRICS_PORT,
            metrics=("controller_runtime_reconcile_total",),
        ),
        *(
            Target(
                name=of_team("predictors", team),
                namespace=own,
                labels=model_namespace.POD_LABELS,
                port=model_namespace.PORT,
                metrics=(
                    "plinth_prediction_requests_total",
                    "request_predict_seconds_count",
                    "request_predict_seconds_sum",
                ),
            )
            for team, own in models_namespaces.items()
        ),
    )


def _dashboard(window: str) -> Dashboard:
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
                queries={"{{service}}": burn_rates.errors(window)},
                unit="percentunit",
            ),
            Panel(
                title="Share of slow requests",
                queries={"{{service}}": burn_rates.slow(window)},
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
