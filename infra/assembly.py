"""The platform: its components in dependency order."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components import images
from components.connections import (
    ClusterConnection,
    GatewayConnection,
    MysqlConnection,
    PostgresConnection,
)
from components.gateway import Gateway, GatewayArgs
from components.incluster.maria_db import MariaDb, MariaDbArgs
from components.incluster.object_store import Bucket, ObjectStore, ObjectStoreArgs
from components.incluster.postgres import Postgres, PostgresArgs
from components.kserve_serving import KserveServing, KserveServingArgs
from components.kubeflow_pipelines import KubeflowPipelines, KubeflowPipelinesArgs, StepSettings
from components.mlflow_tracking import MlflowTracking, MlflowTrackingArgs
from components.network_policies import Peer, in_namespace
from components.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.pod_security import PodSecurityLevel
from components.prometheus_monitoring import PrometheusMonitoring, scraper
from infra.monitored import monitoring_args
from infra.outputs import Outputs
from infra.settings import Secrets, Settings

_NAMESPACES: Mapping[str, PodSecurityLevel] = {
    "databases": "restricted",
    "gateway": "restricted",
    "kserve": "restricted",
    "kubeflow": "restricted",
    "mlflow": "restricted",
    "object-store": "restricted",
}
_PIPELINES_BUCKET = "pipelines"
_TRACKING_BUCKET = "mlflow"
_MODELS_NAMESPACE = "models"
_MONITORING = "monitoring"


@dataclass(frozen=True, kw_only=True)
class _Site:
    """What every component of one platform is made from."""

    settings: Settings
    secrets: Secrets
    opts: ResourceOptions
    """For what can be made again."""
    keep: ResourceOptions
    """For what holds data."""
    namespaces: Mapping[str, pulumi.Output[str]]

    @property
    def scrapers(self) -> tuple[Peer, ...]:
        """Who may read metrics."""
        return (scraper(_MONITORING),) if self.settings.monitoring.enabled else ()

    def image(self, name: str) -> str:
        return images.reference(name, self.settings.images.registry)


def deploy(settings: Settings, secrets: Secrets, cluster: ClusterConnection) -> Outputs:
    """Make every component of the platform."""
    opts = ResourceOptions(provider=cluster.provider)
    keep = ResourceOptions(
        provider=cluster.provider, protect=settings.protect, retain_on_delete=settings.protect
    )
    wanted = dict(_NAMESPACES)
    if settings.monitoring.enabled:
        wanted[_MONITORING] = "restricted"
    namespaces = {
        name: PlatformNamespace(
            name, PlatformNamespaceArgs(namespace=name, pod_security=level), opts
        ).namespace
        for name, level in wanted.items()
    }
    site = _Site(settings=settings, secrets=secrets, opts=opts, keep=keep, namespaces=namespaces)
    gateway = _gateway(site)
    objects = _object_store(site, gateway)
    databases = _pipelines_databases(site)
    tracking = _tracking(site, _tracking_database(site), objects, gateway)
    serving = _serving(site, objects, gateway)
    pipelines = _pipelines(site, databases, objects, tracking, serving, gateway)
    monitoring = _monitoring(site, gateway)
    return Outputs(
        gateway_domain=settings.gateway.domain,
        pipelines_namespace=pipelines.namespace,
        tracking_namespace=namespaces["mlflow"],
        models_namespace=serving.models_namespace,
        artifacts_destination=f"s3://{_TRACKING_BUCKET}",
        pipelines_bucket=_PIPELINES_BUCKET,
        object_store_region=objects.connection(_TRACKING_BUCKET, "tracking").region,
        workload_image=site.image("workload"),
        prometheus_url=monitoring.url if monitoring else "",
    )


def _peers(*namespaces: str) -> tuple[Peer, ...]:
    return tuple(in_namespace(name) for name in namespaces)


def _gateway(site: _Site) -> GatewayConnection:
    gateway = Gateway(
        "traefik",
        GatewayArgs(
            namespace=site.namespaces["gateway"],
            image=site.image("traefik"),
            domain=site.settings.gateway.domain,
            backends=_peers("kubeflow", "mlflow", _MODELS_NAMESPACE, "object-store"),
            scrapers=site.scrapers,
            node_port=site.settings.gateway.node_port,
        ),
        site.opts,
    )
    return gateway.connection


def _object_store(site: _Site, gateway: GatewayConnection) -> ObjectStore:
    secrets = site.secrets
    return ObjectStore(
        "object-store",
        ObjectStoreArgs(
            namespace=site.namespaces["object-store"],
            image=site.image("versitygw"),
            job_image=site.image("workload"),
            buckets=(
                Bucket(name=_PIPELINES_BUCKET, owner="pipelines"),
                Bucket(name=_TRACKING_BUCKET, owner="tracking", readers=("serving",)),
            ),
            accounts={
                "pipelines": secrets.pipelines_object_store_key,
                "tracking": secrets.tracking_object_store_key,
                "serving": secrets.serving_object_store_key,
            },
            administrator_secret=secrets.object_store_administrator_key,
            clients=_peers("gateway", "kubeflow", "mlflow", _MODELS_NAMESPACE),
            gateway=gateway,
            metrics_image=site.image("statsd-exporter") if site.settings.monitoring.enabled else None,
            scrapers=site.scrapers,
            storage_size=site.settings.storage.objects_size,
        ),
        site.keep,
    )


def _pipelines_databases(site: _Site) -> Mapping[str, MysqlConnection]:
    server = MariaDb(
        "mysql",
        MariaDbArgs(
            namespace=site.namespaces["kubeflow"],
            image=site.image("mariadb"),
            databases={"mlpipeline": "kfp", "metadb": "mlmd"},
            passwords={
                "kfp": site.secrets.pipelines_database_password,
                "mlmd": site.secrets.metadata_database_password,
            },
            clients=_peers("kubeflow"),
            storage_size=site.settings.storage.pipelines_database_size,
        ),
        site.keep,
    )
    return server.connections


def _tracking_database(site: _Site) -> PostgresConnection:
    server = Postgres(
        "postgres",
        PostgresArgs(
            namespace=site.namespaces["databases"],
            image=site.image("postgres"),
            operator_image=site.image("cloudnative-pg"),
            database="mlflow",
            owner="mlflow",
            password=site.secrets.tracking_database_password,
            clients=_peers("mlflow"),
            scrapers=site.scrapers,
            storage_size=site.settings.storage.postgres_size,
        ),
        site.keep,
    )
    return server.connection


def _tracking(
    site: _Site, database: PostgresConnection, objects: ObjectStore, gateway: GatewayConnection
) -> MlflowTracking:
    return MlflowTracking(
        "mlflow",
        MlflowTrackingArgs(
            namespace=site.namespaces["mlflow"],
            image=site.image("mlflow-server"),
            database=database,
            artifacts=objects.connection(_TRACKING_BUCKET, "tracking"),
            clients=_peers("gateway", "kubeflow"),
            scrapers=site.scrapers,
            gateway=gateway,
            stores=_peers("databases", "object-store"),
        ),
        site.opts,
    )


def _serving(site: _Site, objects: ObjectStore, gateway: GatewayConnection) -> KserveServing:
    return KserveServing(
        "kserve",
        KserveServingArgs(
            namespace=site.namespaces["kserve"],
            controller_image=site.image("kserve-controller"),
            runtime_image=site.image("serving-runtime"),
            storage_initializer_image=site.image("storage-initializer"),
            gateway=gateway,
            artifacts=objects.connection(_TRACKING_BUCKET, "serving"),
            stores=_peers("object-store"),
            webhook_ca=site.secrets.webhook_authority,
            webhook_certificate=site.secrets.webhook_certificate,
            webhook_key=site.secrets.webhook_key,
            models_namespace=_MODELS_NAMESPACE,
            scrapers=site.scrapers,
        ),
        site.opts,
    )


def _pipelines(
    site: _Site,
    databases: Mapping[str, MysqlConnection],
    objects: ObjectStore,
    tracking: MlflowTracking,
    serving: KserveServing,
    gateway: GatewayConnection,
) -> KubeflowPipelines:
    artifacts = objects.connection(_PIPELINES_BUCKET, "pipelines")
    environment: dict[str, pulumi.Input[str]] = {
        "PLINTH_ARTIFACTS_DESTINATION": f"s3://{_TRACKING_BUCKET}",
        "PLINTH_GATEWAY_DOMAIN": site.settings.gateway.domain,
        "PLINTH_GATEWAY_URL": pulumi.Output.concat("http://traefik.", gateway.namespace),
        "PLINTH_MODELS_NAMESPACE": serving.models_namespace,
        "PLINTH_MODELS_SERVICE_ACCOUNT": serving.service_account,
        "PLINTH_S3_ENDPOINT": artifacts.url,
        "PLINTH_S3_REGION": artifacts.region,
        "PLINTH_SERVING_RUNTIME": serving.serving_runtime,
    }
    return KubeflowPipelines(
        "pipelines",
        KubeflowPipelinesArgs(
            namespace=site.namespaces["kubeflow"],
            pipelines_database=databases["mlpipeline"],
            metadata_database=databases["metadb"],
            artifacts=artifacts,
            steps=StepSettings(
                tracking_uri=tracking.tracking_uri,
                environment=environment,
                # The tracking server, and models as their clients reach them.
                destinations=({"to": [*_peers("gateway", "mlflow")]},),
                models_namespace=serving.models_namespace,
            ),
            clients=_peers("gateway"),
            scrapers=site.scrapers,
            gateway=gateway,
            stores=_peers("kubeflow", "object-store"),
            registry=site.settings.images.registry,
        ),
        site.opts,
    )


def _monitoring(site: _Site, gateway: GatewayConnection) -> PrometheusMonitoring | None:
    if not site.settings.monitoring.enabled:
        return None
    args = monitoring_args(
        site.settings,
        namespace=site.namespaces[_MONITORING],
        namespaces={"models": _MODELS_NAMESPACE, "monitoring": _MONITORING},
        gateway=gateway,
        certificates={"kserve-webhooks": site.secrets.webhook_certificate},
    )
    return PrometheusMonitoring("monitoring", args, site.opts)
