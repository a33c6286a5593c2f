"""What of a stack is monitored: settings -> the arguments of PrometheusMonitoring."""

from collections.abc import Mapping

import pulumi

from components.connections import GatewayConnection
from components.monitoring.prometheus_monitoring import PrometheusMonitoringArgs
from components.monitoring.prometheus_server import RemoteWrite
from components.monitoring.scope import Objectives, Scope
from components.monitoring.timing import OPERATION, REHEARSAL
from infra.settings.monitoring import Pace
from infra.settings.stack import Settings

_IN_CLUSTER = "incluster"


def scope(settings: Settings, models: str) -> Scope:
    """Return the parts of a stack; stores of a cloud are watched by the cloud."""
    storage = settings.storage
    return Scope(
        gateway="gateway",
        pipelines="kubeflow",
        tracking="mlflow",
        serving="kserve",
        models=models,
        postgres="databases" if storage.postgres == _IN_CLUSTER else None,
        pipelines_database="mysql" if storage.pipelines_database == _IN_CLUSTER else None,
        object_store="object-store" if storage.objects == _IN_CLUSTER else None,
    )


def monitoring_args(
    settings: Settings,
    *,
    namespace: pulumi.Input[str],
    namespaces: Mapping[str, str],
    gateway: GatewayConnection,
    certificates: Mapping[str, pulumi.Input[str]],
) -> PrometheusMonitoringArgs:
    """Return the arguments of a stack's monitoring.

    Args:
        settings: of the stack.
        namespace: of the monitoring, once it is closed.
        namespaces: names of `models` and `monitoring`.
        gateway: where Prometheus is published.
        certificates: name -> PEM.
    """
    chosen = settings.monitoring
    remote = chosen.remote_write
    return PrometheusMonitoringArgs(
        namespace=namespace,
        namespace_name=namespaces["monitoring"],
        cluster_name=settings.cluster.name,
        scope=scope(settings, namespaces["models"]),
        objectives=Objectives(
            availability=chosen.objectives.availability,
            latency_seconds=chosen.objectives.latency_seconds,
            latency_share=chosen.objectives.latency_share,
        ),
        timing=REHEARSAL if chosen.pace is Pace.REHEARSAL else OPERATION,
        certificates=certificates,
        gateway=gateway,
        retention=chosen.retention,
        storage_size=chosen.storage_size,
        remote_write=RemoteWrite(url=remote.url, region=remote.region) if remote else None,
        webhook_url=chosen.webhook_url,
        registry=settings.registry,
        grafana_image=chosen.grafana_image,
    )
