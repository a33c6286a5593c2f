"""An Amazon RDS for PostgreSQL server with one database; it rejects unencrypted connections."""

import re
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.aws.databases.rds_instance import RdsEngine, RdsInstance, RdsInstanceArgs, RdsServer
from components.connections import PostgresConnection
from components.versions import RDS_POSTGRES

PORT = 5432
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# RDS reserves these names.
_RESERVED = {"admin", "postgres", "rdsadmin", "template0", "template1"}


@dataclass(frozen=True, kw_only=True)
class RdsPostgresArgs:
    """Inputs of `RdsPostgres`."""

    server: RdsServer
    """Network, size, availability and backups of the server."""
    database: str
    """Name of the only database: a second consumer gets its own server."""
    owner: str
    """Account that owns the database and administers the server."""
    password: pulumi.Input[str]
    """The owner's password: 8 to 128 characters without slash, quote, at sign and space."""

    def __post_init__(self) -> None:
        """Reject names that RDS would reject minutes later."""
        for key in ("database", "owner"):
            name = getattr(self, key)
            if not _IDENTIFIER.match(name) or name in _RESERVED:
                raise ValueError(
                    f"{key}: {name!r}; use a lower-case letter, then letters, digits, _; "
                    f"RDS reserves {', '.join(sorted(_RESERVED))}"
                )


def engine() -> RdsEngine:
    """Return the engine with its version and the parameters that differ from its defaults."""
    return RdsEngine(
        name="postgres",
        version=RDS_POSTGRES,
        port=PORT,
        parameters={
            "rds.force_ssl": "1",
            "log_statement": "ddl",
            # Milliseconds from which a query is logged.
            "log_min_duration_statement": "1000",
        },
    )


class RdsPostgres(pulumi.ComponentResource):
    """One server and one database."""

    connection: PostgresConnection

    def __init__(self, name: str, args: RdsPostgresArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:RdsPostgres", name, {"database": args.database}, opts)
        instance = RdsInstance(
            f"{name}-instance",
            RdsInstanceArgs(
                server=args.server,
                engine=engine(),
                administrator=args.owner,
                password=args.password,
                database=args.database,
            ),
            ResourceOptions(parent=self),
        )
        self.connection = PostgresConnection(
            host=instance.host,
            port=PORT,
            database=args.database,
            username=args.owner,
            password=pulumi.Output.secret(args.password),
            authorities=args.server.authorities,
        )
        self.register_outputs({"host": instance.host})
