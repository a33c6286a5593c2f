"""A Postgres server of Amazon RDS that holds one database and refuses clients that do not encrypt."""

import re
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.aws.rds_instance import RdsEngine, RdsInstance, RdsInstanceArgs, RdsServer
from components.connections import PostgresConnection
from components.versions import RDS_POSTGRES

PORT = 5432
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# RDS keeps these for itself.
_RESERVED = {"admin", "postgres", "rdsadmin", "template0", "template1"}


@dataclass(frozen=True, kw_only=True)
class RdsPostgresArgs:
    """What the server needs to know."""

    server: RdsServer
    """Where it runs, how large it is and how carefully it is kept."""
    database: str
    """The only database: a second consumer gets a server of its own."""
    owner: str
    """The account that owns it, and that RDS lets administer this server."""
    password: pulumi.Input[str]
    """The owner's password: 8 to 128 characters, none of them a slash, quote, at sign or space."""

    def __post_init__(self) -> None:
        """Refuse names that RDS would refuse minutes later."""
        for key in ("database", "owner"):
            name = getattr(self, key)
            if not _IDENTIFIER.match(name) or name in _RESERVED:
                raise ValueError(
                    f"{key}: {name!r}; use a lower-case letter, then letters, digits, _; "
                    f"RDS keeps {', '.join(sorted(_RESERVED))}"
                )


def engine() -> RdsEngine:
    """Return the server's version and what it is told beyond its defaults."""
    return RdsEngine(
        name="postgres",
        version=RDS_POSTGRES,
        port=PORT,
        parameters={
            "rds.force_ssl": "1",
            "log_statement": "ddl",
            # Milliseconds from which a query is worth a line.
            "log_min_duration_statement": "1000",
        },
        logs=("postgresql", "upgrade"),
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
        )
        self.register_outputs({"host": instance.host})
