"""A MariaDB server on one volume, with a database and an account per consumer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.pipelines import mysql_accounts, mysql_text
from components.shapes import cluster_service, network_policies, pod_inputs, pod_security, server_pods
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount

PORT = 3306
SERVICE = "mysql"
"""Clients of Kubeflow Pipelines expect this name."""
_PROBE = "probe"
_DATA = Mount(volume="data", path="/data", writable=True)
_INSTALLED = "/data/installed"
# An interrupted installation leaves no marker file, so the next start begins again.
_INSTALL = f"""set -eu
test -e {_INSTALLED} && exit 0
rm -rf /data/mysql
mariadb-install-db --no-defaults --datadir=/data/mysql --auth-root-authentication-method=socket \
  --skip-test-db --skip-name-resolve --force >/tmp/install.log 2>&1 || {{ cat /tmp/install.log; exit 1; }}
touch {_INSTALLED}
"""
# Each is 128 MiB by default, for tables of MyISAM and Aria, of which there are temporary ones alone.
_SMALL_BUFFERS: Final = ("--key-buffer-size=1M", "--aria-pagecache-buffer-size=16M")


@dataclass(frozen=True, kw_only=True)
class MariaDbArgs:
    """Inputs of `MariaDb`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of MariaDB."""
    databases: Mapping[str, str]
    """Owning account by database."""
    passwords: Mapping[str, pulumi.Input[str]]
    """Password by account; quotes and backslashes are rejected when the server starts."""
    clients: tuple[network_policies.Peer, ...]
    """Pods that may connect."""
    storage_size: str = "5Gi"
    """Size of the volume."""

    def __post_init__(self) -> None:
        """Reject names that would need quoting, and owners without a password."""
        mysql_accounts.check_names(self.databases, self.passwords)


def init_sql(databases: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    """Return the statements that the server runs at every start to create what is missing.

    An account has rights on its own database alone; a changed password takes effect at the next start.
    """
    # The probes' account: without one, the log would hold a failed login per probe.
    probe = f"CREATE USER IF NOT EXISTS '{_PROBE}'@'localhost';"
    return "\n".join([probe, *mysql_accounts.statements(databases, passwords, "ALL PRIVILEGES")]) + "\n"


class MariaDb(pulumi.ComponentResource):
    """One server and its databases."""

    connections: dict[str, MysqlConnection]

    def __init__(self, name: str, args: MariaDbArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MariaDb", name, {"databases": dict(args.databases)}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="mariadb", role="database")
        # Two servers on one volume would destroy it: `deploy` never runs two at once.
        server = server_pods.deploy(
            self._owner,
            self._pod(self._init_secret()),
            role="server",
            name=name,
            after=[self._network_policy()],
            annotations=server_pods.reads_at_start(sorted(args.databases)),
        )
        service = cluster_service.deploy(self._owner, SERVICE, {"mysql": PORT}, after=[server])
        # Resolved by the Service, which comes after the server is ready.
        host = pulumi.Output.concat(SERVICE, ".", service.metadata["namespace"])
        self.connections = {
            database: MysqlConnection(
                host=host,
                port=PORT,
                database=database,
                username=owner,
                password=pulumi.Output.secret(args.passwords[owner]),
            )
            for database, owner in args.databases.items()
        }
        self.register_outputs({"host": host})

    def _init_secret(self) -> kubernetes.core.v1.Secret:
        databases = self._args.databases
        passwords = pulumi.Output.all(**self._args.passwords)
        sql = pulumi.Output.secret(passwords.apply(lambda known: init_sql(databases, known)))
        return kubernetes.core.v1.Secret(
            f"{self._name}-init",
            metadata=self._owner.metadata(f"{self._name}-init"),
            string_data={"init.sql": sql},
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        incoming = network_policies.ingress(self._args.clients, PORT)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(self._owner.selector, incoming=[incoming]),
            opts=self._owner.child(),
        )

    def _pod(self, init: kubernetes.core.v1.Secret) -> kubernetes.core.v1.PodSpecArgsDict:
        # A list of runs takes 13 MiB of a connection while it is made (Kubeflow Pipelines sorts the tasks of
        # each run as one text of up to 4 MiB, three times), and the gateway lets 32 of one user through.
        sizes = pod_security.sizes(cpu="50m", memory="192Mi", memory_limit="1Gi")
        install = server_pods.container(
            "install",
            self._args.image,
            ["/bin/sh", "-c", _INSTALL],
            args=(),
            mounts=(_DATA, TMP),
            resources=sizes,
        )
        claim = pod_inputs.create_claim(self._owner, self._name, self._args.storage_size)
        pod = server_pods.pod(
            self._server(sizes),
            volumes=[
                pod_inputs.claim_volume(_DATA.volume, claim),
                server_pods.scratch_volume("1Gi"),
                {"name": "init", "secret": {"secret_name": init.metadata["name"]}},
            ],
            scratch=None,
            grace_seconds=60,
        )
        return {**pod, "init_containers": [install]}

    def _server(
        self, sizes: kubernetes.core.v1.ResourceRequirementsArgsDict
    ) -> kubernetes.core.v1.ContainerArgsDict:
        # The account exists only once the init file has run to its end.
        ping = [
            "mariadb-admin",
            "--no-defaults",
            "--socket=/tmp/mysqld.sock",
            "--connect-timeout=3",
            f"--user={_PROBE}",
            "ping",
        ]
        probe = pod_security.command_probe(ping)
        server = server_pods.container(
            "mariadb",
            self._args.image,
            [
                "mariadbd",
                "--no-defaults",
                "--datadir=/data/mysql",
                "--bind-address=0.0.0.0",
                f"--port={PORT}",
                "--socket=/tmp/mysqld.sock",
                "--pid-file=/tmp/mysqld.pid",
                "--tmpdir=/tmp",
                "--skip-name-resolve",
                "--skip-log-bin",
                f"--character-set-server={mysql_text.CHARACTER_SET}",
                f"--collation-server={mysql_text.COLLATION}",
                f"--init-connect={mysql_text.SET_NAMES}",
                "--innodb-buffer-pool-size=128M",
                *_SMALL_BUFFERS,
                "--performance-schema=OFF",
                "--init-file=/init/init.sql",
            ],
            ports={"mysql": PORT},
            mounts=(_DATA, TMP, Mount(volume="init", path="/init")),
            probe=probe,
            resources=sizes,
        )
        # What one connection has freed, another uses: by default there are many heaps.
        server["env"] = [{"name": "MALLOC_ARENA_MAX", "value": "2"}]
        # Every probe starts a client: run the one that matters least less often.
        server["liveness_probe"] = {**probe, "period_seconds": 15, "failure_threshold": 4}
        return server
