"""The platform: its components in dependency order."""

from collections.abc import Mapping

from pulumi import ResourceOptions

from components import images
from components.connections import ClusterConnection
from components.incluster.maria_db import MariaDb, MariaDbArgs
from components.incluster.object_store import Bucket, ObjectStore, ObjectStoreArgs
from components.incluster.postgres import Postgres, PostgresArgs
from components.mlflow_tracking import MlflowTracking, MlflowTrackingArgs
from components.network_policies import in_namespace
from components.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.pod_security import PodSecurityLevel
from infra.outputs import Outputs
from infra.settings import Secrets, Settings

# The steps of Kubeflow Pipelines 2.14 cannot meet `restricted`: its launcher has no setting for it.
_NAMESPACES: Mapping[str, PodSecurityLevel] = {
    "databases": "restricted",
    "gateway": "restricted",
    "kserve": "restricted",
    "kubeflow": "baseline",
    "mlflow": "restricted",
    "models": "restricted",
    "object-store": "restricted",
}
_PIPELINES_BUCKET = "pipelines"
_TRACKING_BUCKET = "mlflow"


def deploy(settings: Settings, secrets: Secrets, cluster: ClusterConnection) -> Outputs:
    """Make every component of the platform."""
    opts = ResourceOptions(provider=cluster.provider)
    keep = ResourceOptions(
        provider=cluster.provider, protect=settings.protect, retain_on_delete=settings.protect
    )

    def image(name: str) -> str:
        return images.reference(name, settings.images.registry)

    namespaces = {
        name: PlatformNamespace(
            name, PlatformNamespaceArgs(namespace=name, pod_security=level), opts
        ).namespace
        for name, level in _NAMESPACES.items()
    }
    objects = ObjectStore(
        "object-store",
        ObjectStoreArgs(
            namespace=namespaces["object-store"],
            image=image("versitygw"),
            job_image=image("workload"),
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
            clients=tuple(in_namespace(name) for name in ("gateway", "kubeflow", "mlflow", "models")),
            storage_size=settings.storage.objects_size,
        ),
        keep,
    )
    MariaDb(
        "mysql",
        MariaDbArgs(
            namespace=namespaces["kubeflow"],
            image=image("mariadb"),
            databases={"mlpipeline": "kfp", "metadb": "mlmd"},
            passwords={
                "kfp": secrets.pipelines_database_password,
                "mlmd": secrets.metadata_database_password,
            },
            clients=(in_namespace("kubeflow"),),
            storage_size=settings.storage.pipelines_database_size,
        ),
        keep,
    )
    postgres = Postgres(
        "postgres",
        PostgresArgs(
            namespace=namespaces["databases"],
            image=image("postgres"),
            operator_image=image("cloudnative-pg"),
            database="mlflow",
            owner="mlflow",
            password=secrets.tracking_database_password,
            clients=(in_namespace("mlflow"),),
            storage_size=settings.storage.postgres_size,
        ),
        keep,
    )
    MlflowTracking(
        "mlflow",
        MlflowTrackingArgs(
            namespace=namespaces["mlflow"],
            image=image("mlflow-server"),
            database=postgres.connection,
            artifacts=objects.connection(_TRACKING_BUCKET, "tracking"),
            clients=tuple(in_namespace(name) for name in ("gateway", "kubeflow")),
            stores=(in_namespace("databases"), in_namespace("object-store")),
        ),
        opts,
    )
    return Outputs(
        gateway_domain=settings.gateway.domain,
        pipelines_namespace=namespaces["kubeflow"],
        tracking_namespace=namespaces["mlflow"],
        models_namespace=namespaces["models"],
        artifacts_destination=f"s3://{_TRACKING_BUCKET}",
        pipelines_bucket=_PIPELINES_BUCKET,
        object_store_region=objects.connection(_TRACKING_BUCKET, "tracking").region,
        workload_image=image("workload"),
    )
