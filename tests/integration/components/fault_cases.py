"""For every alert: series of a healthy platform, of one with the fault, and of one that recovered."""

from dataclasses import dataclass
from typing import Literal

SERVICE = "models-wine-v1-predictor-http-80@kubernetesgateway"
_SERVICE = f'service="{SERVICE}"'
_AVAILABLE = "kube_deployment_status_replicas_available"


@dataclass(frozen=True, kw_only=True)
class Series:
    """A series: its value, or its growth per scrape, without and with the fault; None is no series."""

    name: str
    healthy: float | None
    faulty: float | None
    kind: Literal["gauge", "counter"] = "gauge"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What an alert is for, and the labels with which it fires beside its name and severity."""

    series: tuple[Series, ...]
    labels: dict[str, str]


def _gauge(name: str, healthy: float | None, faulty: float | None) -> Series:
    return Series(name=name, healthy=healthy, faulty=faulty)


def _counter(name: str, healthy: float | None, faulty: float | None) -> Series:
    return Series(name=name, healthy=healthy, faulty=faulty, kind="counter")


def _down(namespace: str, deployment: str) -> Fault:
    labels = {"namespace": namespace, "deployment": deployment}
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return Fault(series=(_gauge(f"{_AVAILABLE}{{{text}}}", 1, 0),), labels=labels)


def _instead(metric: str, label: str, good: str, bad: str, *, labels: str = "") -> tuple[Series, Series]:
    """Return requests that succeed, and then as many that fail."""
    prefix = f"{labels}," if labels else ""
    return (
        _counter(f'{metric}{{{prefix}{label}="{good}"}}', 10, 0),
        _counter(f'{metric}{{{prefix}{label}="{bad}"}}', None, 10),
    )


_ERRORS = Fault(
    series=_instead("traefik_service_requests_total", "code", "200", "500", labels=_SERVICE),
    labels={"service": SERVICE},
)
_SLOW = Fault(
    series=(
        _counter(f'traefik_service_requests_total{{{_SERVICE},code="200"}}', 10, 10),
        _counter(f"traefik_service_request_duration_seconds_count{{{_SERVICE}}}", 10, 10),
        _counter(f'traefik_service_request_duration_seconds_bucket{{{_SERVICE},le="0.25"}}', 10, 0),
    ),
    labels={"service": SERVICE},
)
_CLIENTS = "apiserver_client_certificate_expiration_seconds_bucket"
_POD = 'namespace="research",pod="train"'


def _drifted(variable: str) -> Fault:
    labels = {"namespace": "models", "model_name": "wine", "version": "1", "variable": variable}
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return Fault(series=(_gauge(f"plinth_drift_alarm{{{text}}}", 0, 1),), labels=labels)


FAULTS: dict[str, Fault] = {
    "ServingErrorBudgetFastBurn": _ERRORS,
    "ServingErrorBudgetSlowBurn": _ERRORS,
    "ServingLatencyBudgetFastBurn": _SLOW,
    "ServingLatencyBudgetSlowBurn": _SLOW,
    "PredictorDown": _down("models", "wine-v1-predictor"),
    "ServingControllerDown": _down("kserve", "kserve-controller-manager"),
    "GatewayDown": _down("gateway", "traefik"),
    "GatewayErrors": Fault(
        series=_instead("traefik_entrypoint_requests_total", "code", "200", "503", labels='entrypoint="web"'),
        labels={},
    ),
    "PipelineRunsFailing": Fault(
        series=(
            _counter('argo_workflows_total_count{namespace="kubeflow",phase="Succeeded"}', 1, 1),
            _counter('argo_workflows_total_count{namespace="kubeflow",phase="Failed"}', 0, 1),
        ),
        labels={},
    ),
    "PipelinesDown": _down("kubeflow", "ml-pipeline"),
    "PipelinesDatabaseDown": _down("kubeflow", "mysql"),
    "RegistryDown": _down("mlflow", "mlflow"),
    "RegistryErrors": Fault(series=_instead("mlflow_http_request_total", "status", "200", "500"), labels={}),
    "TrackingDatabaseDown": Fault(
        series=(_gauge('cnpg_collector_up{namespace="databases",pod="postgres-1"}', 1, None),), labels={}
    ),
    "ObjectStoreDown": _down("object-store", "object-store"),
    "ObjectStoreErrors": Fault(
        series=(
            _counter('versitygw_success_count{action="GetObject",status="200"}', 10, 10),
            _counter('versitygw_failed_count{action="PutObject",status="404"}', 5, 5),
            _counter('versitygw_failed_count{action="PutObject",status="500"}', None, 10),
        ),
        labels={},
    ),
    # Its series is a recording, and its fault is that time passes.
    "CertificateExpires": Fault(series=(_gauge("up", 1, 1),), labels={"name": "kserve"}),
    "ClientCertificateExpires": Fault(
        series=(
            _counter(f'{_CLIENTS}{{le="3600"}}', 0, 10),
            _counter(f'{_CLIENTS}{{le="604800"}}', 0, 10),
            _counter(f'{_CLIENTS}{{le="31104000"}}', 10, 10),
            _counter(f'{_CLIENTS}{{le="+Inf"}}', 10, 10),
        ),
        labels={},
    ),
    "NodeDiskFilling": Fault(
        series=(
            _gauge('node_filesystem_avail_bytes{node="a"}', 50, 5),
            _gauge('node_filesystem_size_bytes{node="a"}', 100, 100),
        ),
        labels={"node": "a"},
    ),
    "NodeMemoryLow": Fault(
        series=(
            _gauge('node_memory_MemAvailable_bytes{node="a"}', 50, 2),
            _gauge('node_memory_MemTotal_bytes{node="a"}', 100, 100),
        ),
        labels={"node": "a"},
    ),
    "GpuPodsPending": Fault(
        series=(
            _gauge(f'kube_pod_container_resource_requests{{{_POD},resource="nvidia_com_gpu"}}', 2, 2),
            _gauge(f'kube_pod_status_phase{{{_POD},phase="Pending"}}', 0, 1),
        ),
        labels={"namespace": "research", "pod": "train"},
    ),
    "TargetDown": Fault(
        series=(_gauge('up{job="gateway",instance="10.0.0.1:9000"}', 1, 0),),
        labels={"job": "gateway", "instance": "10.0.0.1:9000"},
    ),
    "ModelInputDrift": _drifted("feature/alcohol"),
    "ModelPredictionDrift": _drifted("answer/class"),
    "ModelQualityDrift": Fault(
        series=(_gauge('plinth_quality_alarm{namespace="models",model_name="wine",version="1"}', 0, 1),),
        labels={"namespace": "models", "model_name": "wine", "version": "1"},
    ),
    "PodRestarting": Fault(
        series=(_counter(f"kube_pod_container_status_restarts_total{{{_POD}}}", 0, 1),),
        labels={"namespace": "research", "pod": "train"},
    ),
    "RulesFailing": Fault(series=(_counter("prometheus_rule_evaluation_failures_total", 0, 1),), labels={}),
    "MonitoringNotApplied": Fault(
        series=(_counter('prometheus_operator_reconcile_errors_total{controller="prometheus"}', 0, 1),),
        labels={"controller": "prometheus"},
    ),
    "NotificationsFailing": Fault(
        series=(_counter('alertmanager_notifications_failed_total{integration="webhook"}', 0, 1),),
        labels={"integration": "webhook"},
    ),
}
