"""The platform: its components in dependency order."""

from collections.abc import Mapping
from typing import Protocol

import pulumi

from components.access.gateway import Gateway, GatewayArgs, LoadBalancer
from components.connections import (
    Bucket,
    GatewayConnection,
    MysqlConnection,
    ObjectStoreConnection,
    PostgresConnection,
)
from components.gpus import team_queue
from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
from components.incluster.maria_db import MariaDb, MariaDbArgs
from components.incluster.object_store import ObjectStore, ObjectStoreArgs
from components.incluster.postgres import Postgres, PostgresArgs
from components.monitoring.prometheus_monitoring import PrometheusMonitoring
from components.pipelines.kubeflow_pipelines import (
    KubeflowPipelines,
    KubeflowPipelinesArgs,
    PipelineImages,
    StepSettings,
)
from components.pipelines.mysql_accounts import MysqlAccounts, MysqlAccountsArgs
from components.serving.kserve_serving import KserveServing, KserveServingArgs
from components.teams import team_profile
from components.teams.team_profile import TeamProfile, TeamProfileArgs
from components.tracking.mlflow_tracking import MlflowTracking, MlflowTrackingArgs
from infra import foundation, gpu_sharing
from infra.foundation import DATABASES, KUEUE, MONITORING, OBJECT_STORE, Site, peers
from infra.monitored import monitoring_args
from infra.outputs import Outputs
from infra.settings.stack import Secrets, Settings
from infra.settings.storage import DatabaseLocation
from infra.target import Target

_PIPELINES_BUCKET = "pipelines"
_TRACKING_BUCKET = "mlflow"
_MODELS_NAMESPACE = "models"
_GPU_SCHEDULING = "gpu-scheduling"
# As PrometheusMonitoring calls it.
_PROMETHEUS_ACCOUNT = f"{MONITORING}-prometheus"
_BUCKETS = (
    Bucket(name=_PIPELINES_BUCKET, owner="pipelines"),
    Bucket(name=_TRACKING_BUCKET, owner="tracking", readers=("serving",)),
)
_PIPELINES_DATABASES = {"mlpipeline": "kfp", "metadb": "mlmd"}


class _Objects(Protocol):
    """Buckets, wherever they lie."""

    def connection(self, bucket: str, account: str) -> ObjectStoreConnection: ...


def deploy(settings: Settings, secrets: Secrets, target: Target) -> Outputs:
    """Make every component of the platform."""
    site = foundation.lay(settings, secrets, target)
    # Pools first: their nodes start while the platform is installed.
    if target.cloud is not None:
        target.cloud.repositories()
        target.cloud.volumes()
        target.cloud.node_pools()
    entry = _gateway(site)
    gateway = entry.connection
    objects = _object_store(site, gateway)
    databases = _pipelines_databases(site)
    tracking = _tracking(site, _tracking_database(site), objects, gateway)
    serving = _serving(site, objects, gateway)
    pipelines = _pipelines(site, databases, objects, tracking, serving, gateway)
    _teams(site, _gpu_scheduling(site) if settings.gpu_pools else None)
    monitoring = _monitoring(site, entry)
    return Outputs(
        gateway_domain=settings.gateway.domain,
        pipelines_namespace=pipelines.namespace,
        tracking_namespace=site.namespaces["mlflow"],
        models_namespace=serving.models_namespace,
        artifacts_destination=_destination(objects),
        pipelines_bucket=objects.connection(_PIPELINES_BUCKET, "pipelines").bucket,
        object_store_region=objects.connection(_TRACKING_BUCKET, "tracking").region,
        workload_image=site.image("workload"),
        gateway_url=_gateway_url(site, entry) if target.cloud else None,
        kubeconfig=target.cloud.cluster.kubeconfig if target.cloud else None,
        prometheus_url=monitoring.url if monitoring else "",
    )


def _gateway_url(site: Site, gateway: Gateway) -> pulumi.Output[str]:
    scheme = "https" if site.settings.gateway.certificate_arn else "http"
    return pulumi.Output.concat(scheme, "://", gateway.address)


def _destination(objects: _Objects) -> str:
    return f"s3://{objects.connection(_TRACKING_BUCKET, 'tracking').bucket}"


def _gateway(site: Site) -> Gateway:
    cloud = site.target.cloud
    return Gateway(
        "traefik",
        GatewayArgs(
            namespace=site.namespaces["gateway"],
            image=site.image("traefik"),
            domain=site.settings.gateway.domain,
            backends=peers(
                "kubeflow",
                "mlflow",
                _MODELS_NAMESPACE,
                *(each for each in (OBJECT_STORE, MONITORING) if each in site.namespaces),
            ),
            scrapers=site.scrapers,
            node_port=site.settings.gateway.node_port,
            load_balancer=cloud.load_balancer() if cloud else LoadBalancer(),
        ),
        site.opts,
    )


def _object_store(site: Site, gateway: GatewayConnection) -> _Objects:
    secrets = site.secrets
    if OBJECT_STORE not in site.namespaces:
        # Names, not the namespaces themselves: a preview that cannot ask the cluster would not know them, and
        # would replace every association for it, which a protected stack refuses.
        names = {name: name for name in site.namespaces}
        return site.cloud.object_store(_BUCKETS, {**names, "models": _MODELS_NAMESPACE})
    return ObjectStore(
        "object-store",
        ObjectStoreArgs(
            namespace=site.namespaces[OBJECT_STORE],
            image=site.image("versitygw"),
            job_image=site.image("workload"),
            buckets=_BUCKETS,
            accounts={
                "pipelines": secrets.pipelines_object_store_key,
                "tracking": secrets.tracking_object_store_key,
                "serving": secrets.serving_object_store_key,
            },
            administrator_secret=secrets.object_store_administrator_key,
            clients=peers("gateway", "kubeflow", "mlflow", _MODELS_NAMESPACE),
            gateway=gateway,
            metrics_image=site.image("statsd-exporter") if site.settings.monitoring.enabled else None,
            scrapers=site.scrapers,
            storage_size=site.settings.storage.objects_size,
        ),
        site.keep,
    )


def _pipelines_databases(site: Site) -> Mapping[str, MysqlConnection]:
    passwords: dict[str, pulumi.Input[str]] = {
        "kfp": site.secrets.pipelines_database_password,
        "mlmd": site.secrets.metadata_database_password,
    }
    if site.settings.storage.pipelines_database is DatabaseLocation.RDS:
        accounts = MysqlAccounts(
            "mysql-accounts",
            MysqlAccountsArgs(
                namespace=site.namespaces["kubeflow"],
                image=site.image("mariadb"),
                server=site.cloud.pipelines_server(site.secrets.database_administrator_password),
                databases=_PIPELINES_DATABASES,
                passwords=passwords,
                stores=site.stores(),
            ),
            site.opts,
        )
        return accounts.connections
    server = MariaDb(
        "mysql",
        MariaDbArgs(
            namespace=site.namespaces["kubeflow"],
            image=site.image("mariadb"),
            databases=_PIPELINES_DATABASES,
            passwords=passwords,
            clients=peers("kubeflow"),
            storage_size=site.settings.storage.pipelines_database_size,
        ),
        site.keep,
    )
    return server.connections


def _tracking_database(site: Site) -> PostgresConnection:
    if DATABASES not in site.namespaces:
        return site.cloud.tracking_database(site.secrets.tracking_database_password)
    server = Postgres(
        "postgres",
        PostgresArgs(
            namespace=site.namespaces[DATABASES],
            image=site.image("postgres"),
            operator_image=site.image("cloudnative-pg"),
            database="mlflow",
            owner="mlflow",
            password=site.secrets.tracking_database_password,
            clients=peers("mlflow"),
            scrapers=site.scrapers,
            storage_size=site.settings.storage.postgres_size,
        ),
        site.keep,
    )
    return server.connection


def _tracking(
    site: Site, database: PostgresConnection, objects: _Objects, gateway: GatewayConnection
) -> MlflowTracking:
    return MlflowTracking(
        "mlflow",
        MlflowTrackingArgs(
            namespace=site.namespaces["mlflow"],
            image=site.image("mlflow-server"),
            database=database,
            artifacts=objects.connection(_TRACKING_BUCKET, "tracking"),
            clients=peers("gateway", "kubeflow"),
            scrapers=site.scrapers,
            gateway=gateway,
            stores=site.stores(DATABASES, OBJECT_STORE),
        ),
        site.opts,
    )


def _serving(site: Site, objects: _Objects, gateway: GatewayConnection) -> KserveServing:
    return KserveServing(
        "kserve",
        KserveServingArgs(
            namespace=site.namespaces["kserve"],
            controller_image=site.image("kserve-controller"),
            runtime_image=site.image("serving-runtime"),
            storage_initializer_image=site.image("storage-initializer"),
            gateway=gateway,
            artifacts=objects.connection(_TRACKING_BUCKET, "serving"),
            stores=site.stores(OBJECT_STORE),
            webhook_ca=site.secrets.webhook_authority,
            webhook_certificate=site.secrets.webhook_certificate,
            webhook_key=site.secrets.webhook_key,
            models_namespace=_MODELS_NAMESPACE,
            scrapers=site.scrapers,
        ),
        site.opts,
    )


def _pipelines(
    site: Site,
    databases: Mapping[str, MysqlConnection],
    objects: _Objects,
    tracking: MlflowTracking,
    serving: KserveServing,
    gateway: GatewayConnection,
) -> KubeflowPipelines:
    artifacts = objects.connection(_PIPELINES_BUCKET, "pipelines")
    environment: dict[str, pulumi.Input[str]] = {
        "PLINTH_ARTIFACTS_DESTINATION": _destination(objects),
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
            images=PipelineImages(
                api_server=site.image("kfp-api-server"),
                driver=site.image("kfp-driver"),
                launcher=site.image("kfp-launcher"),
                persistence_agent=site.image("kfp-persistence-agent"),
                scheduler=site.image("kfp-scheduled-workflow-controller"),
                workflow_controller=site.image("argo-workflow-controller"),
                executor=site.image("argo-executor"),
                metadata=site.image("mlmd"),
            ),
            pipelines_database=databases["mlpipeline"],
            metadata_database=databases["metadb"],
            artifacts=artifacts,
            steps=StepSettings(
                tracking_uri=tracking.tracking_uri,
                environment=environment,
                # The tracking server, and models as their clients reach them.
                destinations=({"to": [*peers("gateway", "mlflow")]},),
                models_namespace=serving.models_namespace,
            ),
            clients=peers("gateway"),
            scrapers=site.scrapers,
            gateway=gateway,
            stores=site.stores("kubeflow", OBJECT_STORE),
        ),
        site.opts,
    )


def _gpu_scheduling(site: Site) -> GpuScheduling:
    secrets, settings = site.secrets, site.settings
    return GpuScheduling(
        _GPU_SCHEDULING,
        GpuSchedulingArgs(
            namespace=site.namespaces[KUEUE],
            controller_image=site.image("kueue-controller"),
            device_plugin_image=site.image("nvidia-device-plugin"),
            pools=gpu_sharing.pools(settings.gpu_pools),
            teams=gpu_sharing.teams(settings.teams),
            webhook_ca=secrets.queue_webhook_authority,
            webhook_certificate=secrets.queue_webhook_certificate,
            webhook_key=secrets.queue_webhook_key,
            replicas=2 if settings.protect else 1,
        ),
        site.opts,
    )


def _teams(site: Site, scheduling: GpuScheduling | None) -> None:
    for team in site.settings.teams:
        queues = [scheduling.cluster_queues[team.name]] if scheduling else []
        # Profiles were children of GpuScheduling once.
        former = team_profile.alias_below(_GPU_SCHEDULING, "plinth:index:GpuScheduling", team.name)
        profile = TeamProfile(
            f"team-{team.name}",
            TeamProfileArgs(
                team=team.name,
                # The tracking server, and the gateway to everything else.
                destinations=({"to": [*peers("gateway", "mlflow")]},),
                after=tuple(queues),
            ),
            pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(aliases=[former])),
        )
        if scheduling:
            team_queue.deploy(profile.owner, team.name, after=queues)


def _monitoring(site: Site, entry: Gateway) -> PrometheusMonitoring | None:
    if not site.settings.monitoring.enabled:
        return None
    args = monitoring_args(
        site.settings,
        namespace=site.namespaces[MONITORING],
        namespaces={"models": _MODELS_NAMESPACE, "monitoring": MONITORING},
        gateway=entry.connection,
        certificates={"kserve-webhooks": site.secrets.webhook_certificate},
    )
    if args.remote_write and args.remote_write.region and site.target.cloud:
        site.target.cloud.metrics_writer(args.namespace, _PROMETHEUS_ACCOUNT, args.remote_write.url)
    # A quarter of all objects: they are made while the stores start, instead of in front of them.
    opts = pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(depends_on=[entry]))
    return PrometheusMonitoring(MONITORING, args, opts)
