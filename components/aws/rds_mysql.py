"""A MariaDB server of Amazon RDS, for clients of MySQL, that refuses those that do not encrypt."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.aws.rds_instance import RdsEngine, RdsInstance, RdsInstanceArgs, RdsServer
from components.connections import MysqlConnection
from components.versions import RDS_MARIADB

PORT = 3306
ADMINISTRATOR = "plinth"


@dataclass(frozen=True, kw_only=True)
class RdsMysqlArgs:
    """What the server needs to know."""

    server: RdsServer
    """Where it runs, how large it is and how carefully it is kept."""
    administrator_password: pulumi.Input[str]
    """Of the account that makes databases: 8 to 41 characters, none a slash, quote, at sign or space."""


def engine() -> RdsEngine:
    """Return the server's version and what it is told beyond its defaults.

    MariaDB rather than MySQL: the metadata store knows only `mysql_native_password`, which MySQL has left
    behind, and it is the server that the platform has in a cluster.
    """
    return RdsEngine(
        name="mariadb",
        version=RDS_MARIADB,
        port=PORT,
        parameters={
            "require_secure_transport": "1",
            "log_output": "FILE",
            "slow_query_log": "1",
            # Seconds from which a query is worth a line.
            "long_query_time": "1",
        },
        logs=("error", "slowquery"),
    )


class RdsMysql(pulumi.ComponentResource):
    """One server; `MysqlAccounts` makes its databases and their owners."""

    connection: MysqlConnection

    def __init__(self, name: str, args: RdsMysqlArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:RdsMysql", name, {}, opts)
        instance = RdsInstance(
            f"{name}-instance",
            RdsInstanceArgs(
                server=args.server,
                engine=engine(),
                administrator=ADMINISTRATOR,
                password=args.administrator_password,
            ),
            ResourceOptions(parent=self),
        )
        self.connection = MysqlConnection(
            host=instance.host,
            port=PORT,
            database="mysql",
            username=ADMINISTRATOR,
            password=pulumi.Output.secret(args.administrator_password),
            tls=True,
        )
        self.register_outputs({"host": instance.host})
