"""Delivery: rollouts of model versions, in the stack's own namespace of models and those of teams."""

from typing import TYPE_CHECKING, Any

from components.connections import (
    Bucket,
    GatewayConnection,
    ObjectStoreConnections,
    PipelinesConnection,
    ServingConnection,
    TeamNamespaces,
    TrackingConnection,
)
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.secrets import Password
from infra.parts.tenant import Tenant, teams, tenants
from infra.settings.stack import Settings
from workloads.contract import PAYLOADS_BUCKET

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "delivery"
STORE_ACCOUNT = "delivery"
"""Account of the object store that owns the bucket of recorded requests."""
STORE_KEY = Password(key="deliveryObjectStoreKey")
"""Key of that account, where the object store is in the cluster."""


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.delivery.delivery_controller import (
        DeliveryController,
        DeliveryControllerArgs,
        ModelsOf,
        Payloads,
    )
    from components.tracking import workspace_proxy
    from infra.parts import tracking
    from infra.parts.site import peers

    own = Tenant()
    models = {
        own.models_namespace: ModelsOf(
            namespace=connections.get(ServingConnection).models_namespace,
            tracking_uri=connections.get(TrackingConnection).uri,
            pipelines_url=_pipelines_url(own),
        )
    }
    found = connections.find(TeamNamespaces)
    namespaces = found.by_team if found else {}
    for each in teams(site.settings):
        models[each.team] = ModelsOf(
            namespace=namespaces[each.team],
            tracking_uri=f"http://{each.tracking}.{tracking.NAMESPACE}:{workspace_proxy.PORT}",
            pipelines_url=_pipelines_url(each),
        )
    chosen = site.settings.payloads
    DeliveryController(
        "delivery",
        DeliveryControllerArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("delivery-controller"),
            gateway=connections.get(GatewayConnection),
            gateway_pods=site.servers(GatewayConnection),
            models=models,
            predictors=peers(tuple(each.models_namespace for each in tenants(site.settings))),
            tracking=site.servers(TrackingConnection),
            defaults=site.settings.rollouts.as_defaults(),
            drift=site.settings.drift.as_limits(),
            retraining=_retraining(site),
            pipelines=peers(tuple(each.servers_namespace for each in tenants(site.settings)))
            if _retrains(site.settings)
            else (),
            payloads=Payloads(
                store=connections.get(ObjectStoreConnections).of(PAYLOADS_BUCKET, STORE_ACCOUNT),
                stores=site.stores(ObjectStoreConnections),
                keep_days=chosen.keep_days,
                excluded_features=site.settings.excluded_features,
                sample_rate=chosen.sample_rate,
            )
            if chosen.enabled
            else None,
            scrapers=site.scrapers,
            alert_senders=site.alert_senders if _retrains(site.settings) else (),
        ),
        site.opts,
    )
    return Provides()


def _pipelines_url(tenant: Tenant) -> str:
    """Return the URL of a tenant's pipelines API in the cluster."""
    from components.pipelines import pipelines_api_server

    return (
        f"http://{pipelines_api_server.SERVICE}.{tenant.servers_namespace}:{pipelines_api_server.HTTP_PORT}"
    )


def _retrains(settings: Settings) -> bool:
    """Return whether drift raises alerts, and labels have requests to belong to."""
    needed = (settings.drift, settings.payloads, settings.monitoring)
    return settings.retraining.enabled and all(each.enabled for each in needed)


def _retraining(site: "Site") -> "dict[str, Any] | None":
    limits = site.settings.retraining.as_limits() if _retrains(site.settings) else None
    return {**limits, "image": site.image("workload")} if limits else None


def _watch(settings: Settings) -> "Watch":
    from components.delivery import monitoring

    return monitoring.watch(
        NAMESPACE,
        timing(settings),
        drift=settings.drift.enabled,
        payloads=settings.payloads.enabled,
        retraining=_retrains(settings),
    )


DELIVERY = Part(
    name="delivery",
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection),
        Need(connection=TrackingConnection),
        Need(connection=ServingConnection),
        # It begins runs of pipelines; those of teams let it in by themselves.
        Need(connection=PipelinesConnection, optional=True),
        Need(connection=ObjectStoreConnections),
        Need(connection=TeamNamespaces, namespaces=(), optional=True),
    ),
    namespaces=(NAMESPACE,),
    images=("delivery-controller",),
    buckets=(Bucket(name=PAYLOADS_BUCKET, owner=STORE_ACCOUNT),),
    watch=_watch,
)
