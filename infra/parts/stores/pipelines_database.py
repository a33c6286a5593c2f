"""The databases of Kubeflow Pipelines in the cluster: MariaDB, in the namespace of the pipelines."""

from typing import TYPE_CHECKING

from components.connections import PipelinesDatabases
from infra.parts.pace import timing
from infra.parts.part import Connections, Part, Provides
from infra.parts.pipelines import DATABASE_SERVER, NAMESPACE
from infra.parts.records import Volume
from infra.parts.tenant import Tenant, tenants
from infra.settings.stack import Settings
from infra.settings.storage import DatabaseLocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.connections import MysqlConnection
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

SECRETS = tuple(Tenant().passwords.values())
"""Passwords of the stack's own databases; those of a team's come with the team."""


def databases(settings: Settings) -> dict[str, str]:
    """Return the account that owns each database, of the stack and of its teams."""
    return {name: owner for each in tenants(settings) for name, owner in each.databases.items()}


def passwords(site: "Site") -> "dict[str, pulumi.Input[str]]":
    """Return the password of each account."""
    found = (item for each in tenants(site.settings) for item in each.passwords.items())
    return {account: site.secret(password) for account, password in found}


def in_unicode(site: "Site", created: "Mapping[str, MysqlConnection]") -> PipelinesDatabases:
    """Return connections to databases that hold all of Unicode, also if an earlier version created them.

    No earlier version created a team's.
    """
    from components.pipelines.mysql_text import MysqlText, MysqlTextArgs, TextDatabase

    own = Tenant()
    text = MysqlText(
        "mysql-text",
        MysqlTextArgs(
            namespace=site.namespaces[own.servers_namespace],
            image=site.image("mariadb"),
            databases=(
                TextDatabase(connection=created[own.pipelines_database]),
                TextDatabase(connection=created[own.metadata_database], mislabelled=True),
            ),
            stores=site.stores(PipelinesDatabases),
        ),
        site.opts,
    )
    return PipelinesDatabases(by_name={**created, **text.connections})


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.incluster.maria_db import MariaDb, MariaDbArgs

    server = MariaDb(
        DATABASE_SERVER,
        MariaDbArgs(
            namespace=site.namespaces[NAMESPACE],
            image=site.image("mariadb"),
            databases=databases(site.settings),
            passwords=passwords(site),
            clients=site.clients(PIPELINES_DATABASE.name),
            storage_size=site.settings.storage.pipelines_database_size,
        ),
        site.keep,
    )
    return Provides(connections=(in_unicode(site, server.connections),))


def _wanted(settings: Settings) -> bool:
    return settings.storage.pipelines_database is DatabaseLocation.INCLUSTER


def _watch(settings: Settings) -> "Watch":
    from components.pipelines import monitoring

    return monitoring.database_watch(NAMESPACE, timing(settings), DATABASE_SERVER)


def _state(settings: Settings) -> tuple[Volume, ...]:
    return (Volume(name="pipelines", size=settings.storage.pipelines_database_size),)


PIPELINES_DATABASE = Part(
    name="pipelines-database",
    deploy=_deploy,
    wanted=_wanted,
    provides=(PipelinesDatabases,),
    runs_in=(NAMESPACE,),
    images=("mariadb",),
    secrets=SECRETS,
    watch=_watch,
    state=_state,
)
