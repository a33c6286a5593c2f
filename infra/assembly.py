"""The platform: its components in dependency order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pulumi
from pulumi import ResourceOptions

from components import images, network_policies
from components.connections import (
    Bucket,
    GatewayConnection,
    MysqlConnection,
    ObjectStoreConnection,
    PostgresConnection,
)
from components.gateway import Gateway, GatewayArgs, LoadBalancer
from components.incluster.maria_db import MariaDb, MariaDbArgs
from components.incluster.object_store import ObjectStore, ObjectStoreArgs
from components.incluster.postgres import Postgres, PostgresArgs
from components.kserve_serving import KserveServing, KserveServingArgs
from components.kubeflow_pipelines import KubeflowPipelines, KubeflowPipelinesArgs, StepSettings
from components.mlflow_tracking import MlflowTracking, MlflowTrackingArgs
from components.mysql_accounts import MysqlAccounts, MysqlAccountsArgs
from components.network_policies import Peer, in_namespace
from components.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.pod_security import PodSecurityLevel
from infra.outputs import Outputs
from infra.settings import Secrets, Settings
from infra.storage_settings import DatabaseLocation, ObjectsLocation
from infra.target import Target

if TYPE_CHECKING:
    from infra.cloud import Cloud

_NAMESPACES: Mapping[str, PodSecurityLevel] = {
    "gateway": "restricted",
    "kserve": "restricted",
    "kubeflow": "restricted",
    "mlflow": "restricted",
}
# Of stores that run in the cluster.
_DATABASES = "databases"
_OBJECT_STORE = "object-store"
_PIPELINES_BUCKET = "pipelines"
_TRACKING_BUCKET = "mlflow"
_MODELS_NAMESPACE = "models"
_BUCKETS = (
    Bucket(name=_PIPELINES_BUCKET, owner="pipelines"),
    Bucket(name=_TRACKING_BUCKET, owner="tracking", readers=("serving",)),
)
_PIPELINES_DATABASES = {"mlpipeline": "kfp", "metadb": "mlmd"}


class _Objects(Protocol):
    """Buckets, wherever they lie."""

    def connection(self, bucket: str, account: str) -> ObjectStoreConnection: ...


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
    target: Target

    @property
    def cloud(self) -> "Cloud":
        """What the cluster stands in; settings that need one were refused without it."""
        if self.target.cloud is None:
            raise TypeError(f"cluster {self.target.cluster.name} stands in no cloud")
        return self.target.cloud

    @property
    def databases_in_cluster(self) -> bool:
        return self.settings.storage.postgres is DatabaseLocation.INCLUSTER

    @property
    def objects_in_cluster(self) -> bool:
        return self.settings.storage.objects is ObjectsLocation.INCLUSTER

    def image(self, name: str) -> str:
        return images.reference(name, self.settings.registry)

    def stores(self, *namespaces: str) -> tuple[Peer, ...]:
        """Return where stores are: these namespaces, as far as they are there, and the cloud's network."""
        in_cluster = _peers(*(each for each in namespaces if each in self.namespaces))
        cloud = self.target.cloud
        return in_cluster if cloud is None else (*in_cluster, network_policies.addresses(cloud.vpc.cidr))


def deploy(settings: Settings, secrets: Secrets, target: Target) -> Outputs:
    """Make every component of the platform."""
    site = _site(settings, secrets, target)
    # Pools first: their nodes start while the platform is installed. GpuScheduling of pools and teams
    # belongs here as well.
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
    )


def _site(settings: Settings, secrets: Secrets, target: Target) -> _Site:
    provider, protect = target.cluster.provider, settings.protect
    opts = ResourceOptions(provider=provider)
    wanted = dict(_NAMESPACES)
    if settings.storage.postgres is DatabaseLocation.INCLUSTER:
        wanted[_DATABASES] = "restricted"
    if settings.storage.objects is ObjectsLocation.INCLUSTER:
        wanted[_OBJECT_STORE] = "restricted"
    namespaces = {
        name: PlatformNamespace(
            name, PlatformNamespaceArgs(namespace=name, pod_security=level), opts
        ).namespace
        for name, level in sorted(wanted.items())
    }
    return _Site(
        settings=settings,
        secrets=secrets,
        opts=opts,
        keep=ResourceOptions(provider=provider, protect=protect, retain_on_delete=protect),
        namespaces=namespaces,
        target=target,
    )


def _gateway_url(site: _Site, gateway: Gateway) -> pulumi.Output[str]:
    scheme = "https" if site.settings.gateway.certificate_arn else "http"
    return pulumi.Output.concat(scheme, "://", gateway.address)


def _destination(objects: _Objects) -> str:
    return f"s3://{objects.connection(_TRACKING_BUCKET, 'tracking').bucket}"


def _peers(*namespaces: str) -> tuple[Peer, ...]:
    return tuple(in_namespace(name) for name in namespaces)


def _gateway(site: _Site) -> Gateway:
    cloud = site.target.cloud
    return Gateway(
        "traefik",
        GatewayArgs(
            namespace=site.namespaces["gateway"],
            image=site.image("traefik"),
            domain=site.settings.gateway.domain,
            backends=_peers(
                "kubeflow",
                "mlflow",
                _MODELS_NAMESPACE,
                *(each for each in (_OBJECT_STORE,) if each in site.namespaces),
            ),
            node_port=site.settings.gateway.node_port,
            load_balancer=cloud.load_balancer() if cloud else LoadBalancer(),
        ),
        site.opts,
    )


def _object_store(site: _Site, gateway: GatewayConnection) -> _Objects:
    secrets = site.secrets
    if not site.objects_in_cluster:
        # Names, not the namespaces themselves: a preview that cannot ask the cluster would not know them, and
        # would replace every association for it, which a protected stack refuses.
        names = {name: name for name in site.namespaces}
        return site.cloud.object_store(_BUCKETS, {**names, "models": _MODELS_NAMESPACE})
    return ObjectStore(
        "object-store",
        ObjectStoreArgs(
            namespace=site.namespaces[_OBJECT_STORE],
            image=site.image("versitygw"),
            job_image=site.image("workload"),
            buckets=_BUCKETS,
            accounts={
                "pipelines": secrets.pipelines_object_store_key,
                "tracking": secrets.tracking_object_store_key,
                "serving": secrets.serving_object_store_key,
            },
            administrator_secret=secrets.object_store_administrator_key,
            clients=_peers("gateway", "kubeflow", "mlflow", _MODELS_NAMESPACE),
            gateway=gateway,
            storage_size=site.settings.storage.objects_size,
        ),
        site.keep,
    )


def _pipelines_databases(site: _Site) -> Mapping[str, MysqlConnection]:
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
            clients=_peers("kubeflow"),
            storage_size=site.settings.storage.pipelines_database_size,
        ),
        site.keep,
    )
    return server.connections


def _tracking_database(site: _Site) -> PostgresConnection:
    if not site.databases_in_cluster:
        return site.cloud.tracking_database(site.secrets.tracking_database_password)
    server = Postgres(
        "postgres",
        PostgresArgs(
            namespace=site.namespaces[_DATABASES],
            image=site.image("postgres"),
            operator_image=site.image("cloudnative-pg"),
            database="mlflow",
            owner="mlflow",
            password=site.secrets.tracking_database_password,
            clients=_peers("mlflow"),
            storage_size=site.settings.storage.postgres_size,
        ),
        site.keep,
    )
    return server.connection


def _tracking(
    site: _Site, database: PostgresConnection, objects: _Objects, gateway: GatewayConnection
) -> MlflowTracking:
    return MlflowTracking(
        "mlflow",
        MlflowTrackingArgs(
            namespace=site.namespaces["mlflow"],
            image=site.image("mlflow-server"),
            database=database,
            artifacts=objects.connection(_TRACKING_BUCKET, "tracking"),
            clients=_peers("gateway", "kubeflow"),
            gateway=gateway,
            stores=site.stores(_DATABASES, _OBJECT_STORE),
        ),
        site.opts,
    )


def _serving(site: _Site, objects: _Objects, gateway: GatewayConnection) -> KserveServing:
    return KserveServing(
        "kserve",
        KserveServingArgs(
            namespace=site.namespaces["kserve"],
            controller_image=site.image("kserve-controller"),
            runtime_image=site.image("serving-runtime"),
            storage_initializer_image=site.image("storage-initializer"),
            gateway=gateway,
            artifacts=objects.connection(_TRACKING_BUCKET, "serving"),
            stores=site.stores(_OBJECT_STORE),
            webhook_ca=site.secrets.webhook_authority,
            webhook_certificate=site.secrets.webhook_certificate,
            webhook_key=site.secrets.webhook_key,
            models_namespace=_MODELS_NAMESPACE,
        ),
        site.opts,
    )


def _pipelines(
    site: _Site,
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
            gateway=gateway,
            stores=site.stores("kubeflow", _OBJECT_STORE),
            registry=site.settings.registry,
        ),
        site.opts,
    )
