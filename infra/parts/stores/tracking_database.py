"""MLflow's database in the cluster: Postgres, run by CloudNativePG."""

from typing import TYPE_CHECKING

from components.connections import PostgresConnection
from infra.parts.pace import timing
from infra.parts.part import Connections, Part, Provides
from infra.parts.records import Volume
from infra.parts.secrets import Password
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "databases"
# Created by the component; importing its name from there would cost every command a second.
_OPERATOR_NAMESPACE = "cnpg-system"
PASSWORD = Password(key="trackingDatabasePassword")
TUNING_DATABASE = "katib"
"""Database of the part `tuning`, on the same server."""
TUNING_PASSWORD = Password(key="tuningDatabasePassword")


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.incluster.postgres import Postgres, PostgresArgs

    server = Postgres(
        "postgres",
        PostgresArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("postgres"),
            operator_image=site.image("cloudnative-pg"),
            database="mlflow",
            owner="mlflow",
            password=site.secret(PASSWORD),
            databases={TUNING_DATABASE: site.secret(TUNING_PASSWORD)} if site.settings.tuning.enabled else {},
            clients=site.clients(TRACKING_DATABASE.name),
            scrapers=site.scrapers,
            instances=site.replicas,
            storage_size=site.settings.storage.postgres_size,
        ),
        site.keep,
    )
    return Provides(connections=(server.connection,))


def _wanted(settings: Settings) -> bool:
    return settings.storage.postgres is DatabaseLocation.INCLUSTER


def _own_namespaces(_: Settings) -> tuple[str, ...]:
    return (_OPERATOR_NAMESPACE,)


def _watch(settings: Settings) -> "Watch":
    from components.incluster import monitoring

    return monitoring.postgres_watch(NAMESPACE, timing(settings))


def _state(settings: Settings) -> tuple[Volume, ...]:
    return (Volume(name="tracking", size=settings.storage.postgres_size),)


TRACKING_DATABASE = Part(
    name="tracking-database",
    deploy=_deploy,
    wanted=_wanted,
    provides=(PostgresConnection,),
    namespaces=(NAMESPACE,),
    own_namespaces=_own_namespaces,
    images=("cloudnative-pg", "postgres"),
    secrets=(PASSWORD,),
    watch=_watch,
    state=_state,
)
