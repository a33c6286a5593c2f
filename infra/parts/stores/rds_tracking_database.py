"""MLflow's database on AWS: Postgres of RDS."""

from typing import TYPE_CHECKING

from components.connections import PostgresConnection
from components.versions import RDS_POSTGRES
from infra.parts.part import Connections, Part, Provides
from infra.parts.records import ManagedDatabase
from infra.parts.stores.tracking_database import PASSWORD
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation

if TYPE_CHECKING:
    from infra.parts.site import Site


def _server(settings: Settings) -> ManagedDatabase:
    storage = settings.storage
    return ManagedDatabase(
        name="tracking",
        engine="postgres",
        version=RDS_POSTGRES,
        instance_class=storage.rds.postgres_class,
        size=storage.postgres_size,
        multi_az=storage.rds.multi_az,
    )


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.aws.databases.rds_postgres import RdsPostgres, RdsPostgresArgs

    args = RdsPostgresArgs(
        server=site.cloud.database_server(_server(site.settings)),
        database="mlflow",
        owner="mlflow",
        password=site.secret(PASSWORD),
    )
    return Provides(connections=(RdsPostgres("postgres", args, site.cloud.keep).connection,))


def _wanted(settings: Settings) -> bool:
    return settings.storage.postgres is DatabaseLocation.RDS


def _state(settings: Settings) -> tuple[ManagedDatabase, ...]:
    return (_server(settings),)


RDS_TRACKING_DATABASE = Part(
    name="rds-tracking-database",
    deploy=_deploy,
    wanted=_wanted,
    provides=(PostgresConnection,),
    secrets=(PASSWORD,),
    state=_state,
)
