"""Pipelines: Kubeflow Pipelines with Argo Workflows and ML Metadata, and the runs' namespace."""

from typing import TYPE_CHECKING

from components.access import roles
from components.access.roles import Access
from components.connections import (
    Bucket,
    GatewayConnection,
    ObjectStoreConnections,
    PipelinesDatabases,
    ServingConnection,
    TrackingConnection,
)
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation
from workloads.contract import PIPELINES_BUCKET, Host, StepVariable

if TYPE_CHECKING:
    import pulumi

    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "kubeflow"
"""Namespace of the servers."""
RUNS_NAMESPACE = "runs"
"""Namespace of runs: of the pods of pipelines, and of the Secrets and volumes that these name."""
DATABASE_SERVER = "mysql"
"""Name of the database server, where it runs in the cluster."""


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.pipelines.argo_workflows import StartBounds
    from components.pipelines.kubeflow_pipelines import (
        KubeflowPipelines,
        KubeflowPipelinesArgs,
        PipelineImages,
        StepSettings,
    )
    from components.pipelines.package_index import PackageIndex
    from components.pipelines.step_limits import DefaultLimits

    artifacts = connections.get(ObjectStoreConnections).of(PIPELINES_BUCKET, "pipelines")
    databases = connections.get(PipelinesDatabases)
    chosen = site.settings.pipelines
    index = chosen.package_index
    pipelines = KubeflowPipelines(
        "pipelines",
        KubeflowPipelinesArgs(
            namespace=site.namespaces[NAMESPACE],
            runs_namespace=site.namespaces[RUNS_NAMESPACE],
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
            pipelines_database=databases.pipelines,
            metadata_database=databases.metadata,
            artifacts=artifacts,
            steps=StepSettings(
                tracking_uri=connections.get(TrackingConnection).uri,
                environment=_environment(site, connections),
                # The tracking server, and models as their clients reach them.
                destinations=({"to": [*site.servers(GatewayConnection, TrackingConnection)]},),
                models_namespace=connections.get(ServingConnection).models_namespace,
                token=site.settings.identity is not None,
                package_index=PackageIndex(url=index, networks=chosen.package_index_cidrs) if index else None,
                limits=DefaultLimits(memory=chosen.step_memory, storage=chosen.step_storage),
                bounds=StartBounds(
                    start_seconds=chosen.start_timeout_seconds, room_seconds=chosen.room_timeout_seconds
                ),
            ),
            clients=site.clients(PIPELINES.name),
            scrapers=site.scrapers,
            gateway=connections.get(GatewayConnection),
            stores=site.stores(PipelinesDatabases, ObjectStoreConnections),
            replicas=site.replicas,
        ),
        site.opts,
    )
    return Provides(
        outputs={
            "pipelines_namespace": pipelines.runs_namespace,
            "pipelines_bucket": artifacts.bucket,
            "workload_image": site.image("workload"),
        }
    )


def _environment(site: "Site", connections: Connections) -> "dict[str, pulumi.Input[str]]":
    import pulumi

    artifacts = connections.get(ObjectStoreConnections).of(PIPELINES_BUCKET, "pipelines")
    gateway, serving = connections.get(GatewayConnection), connections.get(ServingConnection)
    return {
        StepVariable.ARTIFACTS_DESTINATION: connections.get(TrackingConnection).artifacts_destination,
        StepVariable.GATEWAY_DOMAIN: gateway.domain,
        StepVariable.GATEWAY_URL: pulumi.Output.concat("http://", gateway.name, ".", gateway.namespace),
        StepVariable.MODELS_NAMESPACE: serving.models_namespace,
        StepVariable.MODELS_SERVICE_ACCOUNT: serving.service_account,
        StepVariable.S3_ENDPOINT: artifacts.url,
        StepVariable.S3_REGION: artifacts.region,
        StepVariable.SERVING_RUNTIME: serving.serving_runtime,
        StepVariable.SERVING_RUNTIMES: serving.serving_runtimes,
    }


def _routes(_: Settings) -> tuple[Route, ...]:
    return (
        Route(
            host=Host.PIPELINES,
            title="Kubeflow Pipelines",
            description="API of pipelines, runs and recurring runs.",
            namespace=NAMESPACE,
            access=Access(group=roles.PIPELINES, resource_in=r"^/apis/[^/]+/([a-z]+)", localhost=("/apis",)),
        ),
    )


def _watch(settings: Settings) -> "Watch":
    from components.pipelines import monitoring

    in_cluster = settings.storage.pipelines_database is DatabaseLocation.INCLUSTER
    return monitoring.watch(NAMESPACE, timing(settings), database=DATABASE_SERVER if in_cluster else None)


PIPELINES = Part(
    name="pipelines",
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection, namespaces=(RUNS_NAMESPACE,)),
        Need(connection=ObjectStoreConnections),
        Need(connection=PipelinesDatabases, namespaces=(NAMESPACE,)),
        Need(connection=TrackingConnection, namespaces=(RUNS_NAMESPACE,)),
        Need(connection=ServingConnection, namespaces=()),
    ),
    namespaces=(NAMESPACE, RUNS_NAMESPACE),
    images=(
        "argo-executor",
        "argo-workflow-controller",
        "kfp-api-server",
        "kfp-driver",
        "kfp-launcher",
        "kfp-persistence-agent",
        "kfp-scheduled-workflow-controller",
        "mlmd",
        "workload",
    ),
    buckets=(Bucket(name=PIPELINES_BUCKET, owner="pipelines"),),
    routes=_routes,
    watch=_watch,
)
