"""What one team has for itself in its namespace: Kubeflow Pipelines, whose servers are apart, and models."""

from typing import TYPE_CHECKING

from components.connections import (
    Bucket,
    Folder,
    GatewayConnection,
    ObjectStoreConnections,
    PipelinesConnection,
    PipelinesDatabases,
    ServingConnection,
    TeamNamespaces,
    TrackingConnection,
)
from infra.parts import delivery, pipelines, serving, tracking
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.parts.tenant import Tenant
from infra.settings.stack import Settings
from workloads.contract import TEAM_OUTPUT, TRACKING_BUCKET, Host

if TYPE_CHECKING:
    import pulumi

    from components.tracking.team_workspace import TeamWorkspace
    from infra.parts.site import Site


def _deploy(site: "Site", connections: Connections, tenant: Tenant) -> Provides:
    import pulumi

    from components.serving.model_namespace import ModelNamespaceArgs
    from components.serving.team_models import TeamModels, TeamModelsArgs

    namespace = connections.get(TeamNamespaces).by_team[tenant.team]
    models = TeamModels(
        f"models-{tenant.team}",
        TeamModelsArgs(
            namespace=namespace,
            models=ModelNamespaceArgs(
                controller_namespace=site.namespaces[serving.NAMESPACE],
                gateway=connections.get(GatewayConnection),
                artifacts=connections.get(ObjectStoreConnections).of(TRACKING_BUCKET, tenant.models_account),
                team=tenant.team,
                stores=site.stores(ObjectStoreConnections),
                clients=serving.callers(site),
                scrapers=site.scrapers,
                record_readers=serving.record_readers(site),
                # Their hosts would be those of the team's own servers.
                reserved=(Host.PIPELINES.value, Host.TRACKING.value, Host.PROMETHEUS.value),
            ),
        ),
        site.opts,
    )
    workspace = _workspace(site, connections, tenant, namespace)
    # Not after the stack's own servers: they take a minute to start, and a team's need none of them.
    first = pulumi.ResourceOptions(depends_on=[*connections.get(PipelinesConnection).definitions])
    servers = pipelines.deploy_servers(
        site,
        connections,
        tenant,
        tracking_uri=workspace.tracking_uri,
        runs_namespace=namespace,
        models_namespace=models.namespace,
        opts=pulumi.ResourceOptions.merge(site.opts, first),
    )
    return Provides(
        outputs={
            f"{TEAM_OUTPUT}{tenant.team}": {
                "pipelines_namespace": servers.runs_namespace,
                "pipelines_bucket": pipelines.artifacts(connections, tenant).bucket,
                "models_namespace": models.namespace,
            }
        }
    )


def _workspace(
    site: "Site", connections: Connections, tenant: Tenant, namespace: "pulumi.Input[str]"
) -> "TeamWorkspace":
    from components.shapes import network_policies
    from components.tracking import mlflow_tracking
    from components.tracking.team_workspace import TeamWorkspace, TeamWorkspaceArgs
    from components.tracking.workspace_proxy import WorkspaceProxyArgs

    proxy = WorkspaceProxyArgs(
        image=site.image(tracking.PROXY),
        workspace=tenant.team,
        server=mlflow_tracking.SERVER,
        clients=(network_policies.in_namespace(namespace), network_policies.in_namespace(delivery.NAMESPACE)),
        multipart=connections.get(TrackingConnection).multipart,
        gateway=connections.get(GatewayConnection),
        host=tenant.tracking,
        localhost=tenant.localhost,
        replicas=site.replicas,
    )
    return TeamWorkspace(
        tenant.tracking,
        TeamWorkspaceArgs(
            namespace=site.namespaces[tracking.NAMESPACE],
            proxy=proxy,
            after=connections.resources(TrackingConnection),
        ),
        site.opts,
    )


def part(tenant: Tenant) -> Part:
    """Return the part of one team."""

    def deploy(site: "Site", connections: Connections) -> Provides:
        return _deploy(site, connections, tenant)

    def routes(_: Settings) -> tuple[Route, ...]:
        return (pipelines.route(tenant), tracking.route(tenant), serving.route(tenant))

    servers, own = tenant.servers_namespace, tenant.runs_namespace
    return Part(
        name=tenant.pipelines,
        deploy=deploy,
        needs=(
            Need(connection=GatewayConnection, namespaces=(own,)),
            # Runs and models copy artifacts, and the API reads logs.
            Need(connection=ObjectStoreConnections, namespaces=(own, servers)),
            Need(connection=PipelinesDatabases, namespaces=(servers,)),
            # Behind a proxy of its own.
            Need(connection=TrackingConnection, namespaces=()),
            Need(connection=ServingConnection, namespaces=()),
            Need(connection=PipelinesConnection, namespaces=()),
            Need(connection=TeamNamespaces, namespaces=()),
        ),
        namespaces=(servers,),
        secrets=(*tenant.passwords.values(), tenant.store_key, tenant.models_key),
        buckets=(Bucket(name=tenant.bucket, owner=tenant.store_account),),
        folders=(
            Folder(bucket=TRACKING_BUCKET, prefix=tenant.artifacts_folder, reader=tenant.models_account),
            pipelines.recorded_requests(tenant),
        ),
        routes=routes,
    )
