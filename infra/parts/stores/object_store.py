"""The object store in the cluster: versitygw, S3 on a volume."""

from typing import TYPE_CHECKING

from components.access.roles import OPEN
from components.connections import GatewayConnection, ObjectStoreConnections
from infra.parts import delivery
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route, Volume
from infra.parts.secrets import Password
from infra.parts.tenant import Tenant, tenants
from infra.settings.stack import Settings
from infra.settings.storage import ObjectsLocation
from workloads.contract import Host

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "object-store"
_ADMINISTRATOR = Password(key="objectStoreAdministratorKey")
_SHARED = {"tracking": Password(key="trackingObjectStoreKey"), delivery.STORE_ACCOUNT: delivery.STORE_KEY}
_OWN = Tenant()


def _accounts(settings: Settings) -> dict[str, Password]:
    each_has = [
        {each.store_account: each.store_key, each.models_account: each.models_key}
        for each in tenants(settings)
    ]
    return _SHARED | {account: key for accounts in each_has for account, key in accounts.items()}


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.incluster.object_store import ObjectStore, ObjectStoreArgs

    store = ObjectStore(
        "object-store",
        ObjectStoreArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("versitygw"),
            job_image=site.image("workload"),
            buckets=site.plan.buckets,
            accounts={account: site.secret(key) for account, key in _accounts(site.settings).items()},
            administrator_secret=site.secret(_ADMINISTRATOR),
            clients=site.clients(OBJECT_STORE.name),
            gateway=connections.get(GatewayConnection),
            metrics_image=site.image("statsd-exporter") if site.settings.monitoring.enabled else None,
            scrapers=site.scrapers,
            storage_size=site.settings.storage.objects_size,
        ),
        site.keep,
    )
    return Provides(connections=(ObjectStoreConnections.to(site.plan.buckets, store.connection),))


def _wanted(settings: Settings) -> bool:
    return settings.storage.objects is ObjectsLocation.INCLUSTER


def _routes(_: Settings) -> tuple[Route, ...]:
    return (
        Route(
            host=Host.OBJECTS,
            title="Object store",
            description="S3 API of the buckets of artifacts and data.",
            namespace=NAMESPACE,
            # Requests are signed with the keys of the store's own accounts.
            access=OPEN,
        ),
    )


def _watch(settings: Settings) -> "Watch":
    from components.incluster import monitoring

    return monitoring.object_store_watch(NAMESPACE, timing(settings))


def _state(settings: Settings) -> tuple[Volume, ...]:
    return (Volume(name="objects", size=settings.storage.objects_size),)


OBJECT_STORE = Part(
    name="object-store",
    deploy=_deploy,
    wanted=_wanted,
    needs=(Need(connection=GatewayConnection, namespaces=()),),
    provides=(ObjectStoreConnections,),
    namespaces=(NAMESPACE,),
    images=("versitygw",),
    secrets=(_ADMINISTRATOR, _OWN.store_key, *_SHARED.values(), _OWN.models_key),
    routes=_routes,
    watch=_watch,
    state=_state,
)
