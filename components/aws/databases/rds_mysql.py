"""An Amazon RDS for MariaDB server, for MySQL clients; it rejects unencrypted connections."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.aws.databases.rds_instance import RdsEngine, RdsInstance, RdsInstanceArgs, RdsServer
from components.connections import MysqlConnection
from components.pipelines.mysql_text import CHARACTER_SET, SET_NAMES
from components.versions import RDS_MARIADB

PORT = 3306
ADMINISTRATOR = "plinth"


@dataclass(frozen=True, kw_only=True)
class RdsMysqlArgs:
    """Inputs of `RdsMysql`."""

    server: RdsServer
    """Network, size, availability and backups of the server."""
    administrator_password: pulumi.Input[str]
    """Password of the administrator: 8 to 41 characters without slash, quote, at sign and space."""


def engine() -> RdsEngine:
    """Return the engine with its version and the parameters that differ from its defaults.

    MariaDB rather than MySQL: the metadata store supports only `mysql_native_password`, which MySQL has
    dropped, and the in-cluster server is MariaDB too.
    """
    return RdsEngine(
        name="mariadb",
        version=RDS_MARIADB,
        port=PORT,
        parameters={
            "require_secure_transport": "1",
            "character_set_server": CHARACTER_SET,
            "init_connect": SET_NAMES,
            "log_output": "FILE",
            "slow_query_log": "1",
            # Seconds from which a query is logged as slow.
            "long_query_time": "1",
        },
    )


class RdsMysql(pulumi.ComponentResource):
    """One server; `MysqlAccounts` creates its databases and their accounts."""

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
            authorities=args.server.authorities,
        )
        self.register_outputs({"host": instance.host})
