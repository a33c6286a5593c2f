"""Pipelines: Kubeflow Pipelines with Argo Workflows and ML Metadata, and the runs' namespace."""

from typing import TYPE_CHECKING

from components.access import roles
from components.access.roles import Access
from components.connections import (
    Bucket,
    Folder,
    GatewayConnection,
    ObjectStoreConnections,
    PipelinesConnection,
    PipelinesDatabases,
    ServingConnection,
    TrackingConnection,
)
from infra.parts import delivery
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.parts.tenant import Tenant, tenants
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation
from workloads.contract import PAYLOADS_BUCKET, StepVariable

if TYPE_CHECKING:
    import pulumi

    from components.connections import ObjectStoreConnection
    from components.monitoring.watch import Watch
    from components.pipelines.kubeflow_pipelines import KubeflowPipelines, StepSettings
    from components.shapes.network_policies import Peer
    from infra.parts.site import Site

_OWN = Tenant()
NAMESPACE = _OWN.servers_namespace
"""Namespace of the servers."""
RUNS_NAMESPACE = _OWN.runs_namespace
"""Namespace of runs: of the pods of pipelines, and of the Secrets and volumes that these name."""
DATABASE_SERVER = "mysql"
"""Name of the database server, where it runs in the cluster."""


def deploy_servers(
    site: "Site",
    connections: Connections,
    tenant: Tenant,
    *,
    tracking_uri: "pulumi.Input[str]",
    runs_namespace: "pulumi.Input[str]",
    models_namespace: "pulumi.Input[str]",
    opts: "pulumi.ResourceOptions",
) -> "KubeflowPipelines":
    """Create the pipelines of the stack, or those of a team.

    Args:
        site: shared inputs of all parts.
        connections: of the parts deployed so far.
        tenant: whose pipelines they are.
        tracking_uri: its MLflow.
        runs_namespace: where its runs are.
        models_namespace: where its steps deploy models.
        opts: options of the component.
    """
    from components.pipelines.kubeflow_pipelines import (
        KubeflowPipelines,
        KubeflowPipelinesArgs,
        PipelineImages,
    )

    databases = connections.get(PipelinesDatabases).by_name
    return KubeflowPipelines(
        tenant.pipelines,
        KubeflowPipelinesArgs(
            namespace=site.namespaces[tenant.servers_namespace],
            runs_namespace=runs_namespace,
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
            pipelines_database=databases[tenant.pipelines_database],
            metadata_database=databases[tenant.metadata_database],
            artifacts=artifacts(connections, tenant),
            steps=_steps(site, connections, tenant, tracking_uri, models_namespace),
            clients=(*site.clients(tenant.pipelines), *_controllers(tenant)),
            scrapers=site.scrapers,
            gateway=connections.get(GatewayConnection),
            host=tenant.pipelines,
            localhost=tenant.localhost,
            definitions=not tenant.team,
            stores=site.stores(PipelinesDatabases, ObjectStoreConnections),
            replicas=site.replicas,
        ),
        opts,
    )


def _controllers(tenant: Tenant) -> "tuple[Peer, ...]":
    """Return the pods that begin runs of a team's pipelines when its models drift; the stack's need them."""
    from infra.parts.site import peers

    return peers((delivery.NAMESPACE,)) if tenant.team else ()


def artifacts(connections: Connections, tenant: Tenant) -> "ObjectStoreConnection":
    """Return the connection to the bucket of a tenant's pipelines."""
    return connections.get(ObjectStoreConnections).of(tenant.bucket, tenant.store_account)


def _steps(
    site: "Site",
    connections: Connections,
    tenant: Tenant,
    tracking_uri: "pulumi.Input[str]",
    models_namespace: "pulumi.Input[str]",
) -> "StepSettings":
    from components.pipelines.argo_workflows import StartBounds
    from components.pipelines.kubeflow_pipelines import StepSettings
    from components.pipelines.package_index import PackageIndex
    from components.pipelines.step_limits import DefaultLimits

    chosen = site.settings.pipelines
    index = chosen.package_index
    return StepSettings(
        tracking_uri=tracking_uri,
        environment=_environment(connections, tenant, models_namespace),
        # The tracking server, and models as their clients reach them.
        destinations=({"to": [*site.servers(GatewayConnection, TrackingConnection)]},),
        api_server=site.api_server,
        models_namespace=models_namespace,
        token=site.settings.identity.enabled,
        package_index=PackageIndex(url=index, networks=chosen.package_index_cidrs) if index else None,
        limits=DefaultLimits(memory=chosen.step_memory, storage=chosen.step_storage),
        bounds=StartBounds(
            start_seconds=chosen.start_timeout_seconds, room_seconds=chosen.room_timeout_seconds
        ),
    )


def _environment(
    connections: Connections, tenant: Tenant, models_namespace: "pulumi.Input[str]"
) -> "dict[str, pulumi.Input[str]]":
    import pulumi

    store = artifacts(connections, tenant)
    stores = connections.get(ObjectStoreConnections).by_use
    # A stack may record no requests.
    payloads = stores.get((PAYLOADS_BUCKET, tenant.store_account))
    recorded = payloads.bucket if payloads else ""
    gateway, serving = connections.get(GatewayConnection), connections.get(ServingConnection)
    return {
        StepVariable.ARTIFACTS_DESTINATION: connections.get(TrackingConnection).artifacts_destination,
        StepVariable.GATEWAY_DOMAIN: gateway.domain,
        StepVariable.GATEWAY_URL: pulumi.Output.concat("http://", gateway.name, ".", gateway.namespace),
        StepVariable.MODELS_NAMESPACE: models_namespace,
        StepVariable.MODELS_SERVICE_ACCOUNT: serving.service_account,
        StepVariable.PAYLOADS: pulumi.Output.concat("s3://", recorded, "/", models_namespace)
        if recorded
        else "",
        StepVariable.S3_ENDPOINT: store.url,
        StepVariable.S3_REGION: store.region,
        StepVariable.SERVING_RUNTIME: serving.serving_runtime,
        StepVariable.SERVING_RUNTIMES: serving.serving_runtimes,
    }


def _deploy(site: "Site", connections: Connections) -> Provides:
    pipelines = deploy_servers(
        site,
        connections,
        _OWN,
        tracking_uri=connections.get(TrackingConnection).uri,
        runs_namespace=site.namespaces[RUNS_NAMESPACE],
        models_namespace=connections.get(ServingConnection).models_namespace,
        opts=site.opts,
    )
    return Provides(
        connections=(PipelinesConnection(definitions=pipelines.definitions),),
        outputs={
            "pipelines_namespace": pipelines.runs_namespace,
            "pipelines_bucket": artifacts(connections, _OWN).bucket,
            "workload_image": site.image("workload"),
        },
    )


def recorded_requests(tenant: Tenant) -> Folder:
    """Return what a tenant's steps read of the requests of its callers; labels are put next to them."""
    return Folder(
        bucket=PAYLOADS_BUCKET,
        prefix=f"{tenant.models_namespace}/",
        reader=tenant.store_account,
        writes="*/labels/*",
    )


def route(tenant: Tenant) -> Route:
    """Return the route to the API of a tenant's pipelines."""
    return Route(
        host=tenant.pipelines,
        title=tenant.titled("Kubeflow Pipelines"),
        description="API of pipelines, runs and recurring runs.",
        namespace=tenant.servers_namespace,
        access=Access(
            group=roles.PIPELINES,
            resource_in=rf"^{tenant.below_localhost}/apis/[^/]+/([a-z]+)",
            localhost=(f"{tenant.localhost.rstrip('/')}/apis",),
        ),
        rights_in=tenant.rights_namespace,
    )


def _routes(_: Settings) -> tuple[Route, ...]:
    return (route(_OWN),)


def _watch(settings: Settings) -> "Watch":
    from components.pipelines import monitoring

    in_cluster = settings.storage.pipelines_database is DatabaseLocation.INCLUSTER
    return monitoring.watch(
        {each.team: each.servers_namespace for each in tenants(settings)},
        timing(settings),
        database=DATABASE_SERVER if in_cluster else None,
    )


PIPELINES = Part(
    name=_OWN.pipelines,
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection, namespaces=(RUNS_NAMESPACE,)),
        Need(connection=ObjectStoreConnections),
        Need(connection=PipelinesDatabases, namespaces=(NAMESPACE,)),
        Need(connection=TrackingConnection, namespaces=(RUNS_NAMESPACE,)),
        Need(connection=ServingConnection, namespaces=()),
    ),
    provides=(PipelinesConnection,),
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
    buckets=(Bucket(name=_OWN.bucket, owner=_OWN.store_account),),
    folders=(recorded_requests(_OWN),),
    routes=_routes,
    watch=_watch,
)
