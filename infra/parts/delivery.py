"""Delivery: rollouts of model versions, in the stack's own namespace of models and those of teams."""

from typing import TYPE_CHECKING

from components.connections import (
    GatewayConnection,
    ServingConnection,
    TeamNamespaces,
    TrackingConnection,
)
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.tenant import Tenant, teams, tenants
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "delivery"


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.delivery.delivery_controller import (
        DeliveryController,
        DeliveryControllerArgs,
        ModelsOf,
    )
    from components.tracking import workspace_proxy
    from infra.parts import tracking
    from infra.parts.site import peers

    own = Tenant()
    models = {
        own.models_namespace: ModelsOf(
            namespace=connections.get(ServingConnection).models_namespace,
            tracking_uri=connections.get(TrackingConnection).uri,
        )
    }
    found = connections.find(TeamNamespaces)
    namespaces = found.by_team if found else {}
    for each in teams(site.settings):
        models[each.team] = ModelsOf(
            namespace=namespaces[each.team],
            tracking_uri=f"http://{each.tracking}.{tracking.NAMESPACE}:{workspace_proxy.PORT}",
        )
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
            scrapers=site.scrapers,
        ),
        site.opts,
    )
    return Provides()


def _watch(settings: Settings) -> "Watch":
    from components.delivery import monitoring

    return monitoring.watch(NAMESPACE, timing(settings), drift=settings.drift.enabled)


DELIVERY = Part(
    name="delivery",
    deploy=_deploy,
    needs=(
        Need(connection=GatewayConnection),
        Need(connection=TrackingConnection),
        Need(connection=ServingConnection),
        Need(connection=TeamNamespaces, namespaces=(), optional=True),
    ),
    namespaces=(NAMESPACE,),
    images=("delivery-controller",),
    watch=_watch,
)
