"""Tracking and the model registry: the MLflow server."""

from typing import TYPE_CHECKING

from components.access import roles
from components.access.roles import Access
from components.connections import (
    Bucket,
    GatewayConnection,
    ObjectStoreConnections,
    PostgresConnection,
    TrackingConnection,
)
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route
from infra.parts.tenant import Tenant, teams
from infra.settings.stack import Settings
from workloads.contract import TRACKING_BUCKET

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "mlflow"
_CALL = r"/(?:ajax-)?api/[0-9.]+/mlflow"
PROXY = "haproxy"
"""Image of the proxies in front of workspaces."""


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.tracking.mlflow_tracking import MlflowTracking, MlflowTrackingArgs

    artifacts = connections.get(ObjectStoreConnections).of(TRACKING_BUCKET, "tracking")
    tracking = MlflowTracking(
        "mlflow",
        MlflowTrackingArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("mlflow-server"),
            proxy_image=site.image(PROXY),
            database=connections.get(PostgresConnection),
            artifacts=artifacts,
            clients=site.clients(TRACKING.name),
            scrapers=site.scrapers,
            gateway=connections.get(GatewayConnection),
            teams=tuple(each.team for each in teams(site.settings)),
            stores=site.stores(PostgresConnection, ObjectStoreConnections),
            replicas=site.replicas,
        ),
        site.opts,
    )
    destination = f"s3://{artifacts.bucket}"
    return Provides(
        connections=(
            TrackingConnection(
                uri=tracking.tracking_uri,
                artifacts_destination=destination,
                multipart=artifacts.public,
            ),
        ),
        resources=(tracking,),
        outputs={
            "tracking_namespace": site.namespaces[NAMESPACE],
            "artifacts_destination": destination,
            "object_store_region": artifacts.region,
        },
    )


def route(tenant: Tenant) -> Route:
    """Return the route to a tenant's workspace of MLflow."""
    return Route(
        host=tenant.tracking,
        title=tenant.titled("MLflow"),
        description="Experiments, runs and registered models; user interface and REST API.",
        namespace=NAMESPACE,
        access=Access(
            group=roles.TRACKING,
            # Of what is no call of the API, such as pages and artifacts.
            resource="experiments",
            resource_in=rf"^{tenant.below_localhost}{_CALL}/({roles.PROMOTIONS}|[a-z-]+)",
            reads=(r"/(?:get|search|list|query)[a-z-]*$", r"/graphql$"),
            localhost=(tenant.localhost,),
        ),
        rights_in=tenant.team,
    )


def _routes(_: Settings) -> tuple[Route, ...]:
    return (route(Tenant()),)


def _watch(settings: Settings) -> "Watch":
    from components.tracking import monitoring

    return monitoring.watch(NAMESPACE, timing(settings))


TRACKING = Part(
    name="tracking",
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection, namespaces=()),
        Need(connection=PostgresConnection),
        Need(connection=ObjectStoreConnections),
    ),
    provides=(TrackingConnection,),
    namespaces=(NAMESPACE,),
    images=("mlflow-server", PROXY),
    buckets=(Bucket(name=TRACKING_BUCKET, owner="tracking", readers=(Tenant().models_account,)),),
    routes=_routes,
    watch=_watch,
)
