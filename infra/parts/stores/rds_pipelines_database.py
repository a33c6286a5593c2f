"""The databases of Kubeflow Pipelines on AWS: MariaDB of RDS, with accounts that a Job creates."""

from typing import TYPE_CHECKING

from components.connections import PipelinesDatabases
from components.versions import RDS_MARIADB
from infra.parts.part import Connections, Part, Provides
from infra.parts.pipelines import NAMESPACE
from infra.parts.records import ManagedDatabase
from infra.parts.secrets import Password
from infra.parts.stores.pipelines_database import SECRETS, databases, in_unicode, passwords
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation

if TYPE_CHECKING:
    from infra.parts.site import Site

_ADMINISTRATOR = Password(key="databaseAdministratorPassword")


def _server(settings: Settings) -> ManagedDatabase:
    storage = settings.storage
    return ManagedDatabase(
        name="pipelines",
        engine="mariadb",
        version=RDS_MARIADB,
        instance_class=storage.rds.pipelines_class,
        size=storage.pipelines_database_size,
        multi_az=storage.rds.multi_az,
    )


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.aws.databases.rds_mysql import RdsMysql, RdsMysqlArgs
    from components.pipelines.mysql_accounts import MysqlAccounts, MysqlAccountsArgs

    args = RdsMysqlArgs(
        server=site.cloud.database_server(_server(site.settings)),
        administrator_password=site.secret(_ADMINISTRATOR),
    )
    accounts = MysqlAccounts(
        "mysql-accounts",
        MysqlAccountsArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("mariadb"),
            server=RdsMysql("mysql", args, site.cloud.keep).connection,
            databases=databases(site.settings),
            passwords=passwords(site),
            stores=site.stores(),
        ),
        site.opts,
    )
    return Provides(connections=(in_unicode(site, accounts.connections),))


def _wanted(settings: Settings) -> bool:
    return settings.storage.pipelines_database is DatabaseLocation.RDS


def _state(settings: Settings) -> tuple[ManagedDatabase, ...]:
    return (_server(settings),)


RDS_PIPELINES_DATABASE = Part(
    name="rds-pipelines-database",
    deploy=_deploy,
    wanted=_wanted,
    provides=(PipelinesDatabases,),
    runs_in=(NAMESPACE,),
    images=("mariadb",),
    secrets=(*SECRETS, _ADMINISTRATOR),
    state=_state,
)
