"""A MariaDB server with one volume, and a database with an owner of its own for each consumer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.pipelines import mysql_accounts
from components.shapes import cluster_service, network_policies, pod_inputs, pod_security
from components.shapes.labels import labels, selector

PORT = 3306
_USER = 65532
_PROBE = "probe"
_INSTALLED = "/data/installed"
# An interrupted installation leaves no mark, so the next start begins anew.
_INSTALL = f"""set -eu
test -e {_INSTALLED} && exit 0
rm -rf /data/mysql
mariadb-install-db --no-defaults --datadir=/data/mysql --auth-root-authentication-method=socket \
  --skip-test-db --skip-name-resolve --force >/tmp/install.log 2>&1 || {{ cat /tmp/install.log; exit 1; }}
touch {_INSTALLED}
"""


@dataclass(frozen=True, kw_only=True)
class MariaDbArgs:
    """What the server needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: pulumi.Input[str]
    """MariaDB."""
    databases: Mapping[str, str]
    """Database -> the account that owns it."""
    passwords: Mapping[str, pulumi.Input[str]]
    """Account -> password; quotes and backslashes are refused by the server's start."""
    clients: tuple[network_policies.Peer, ...]
    """Who may connect."""
    service_name: str = "mysql"
    """Name of the Service; clients of Kubeflow Pipelines expect this one."""
    storage_size: str = "5Gi"
    """Size of the volume."""
    storage_class: str | None = None
    """The cluster's default if not given."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse names that would need quoting, and owners without a password."""
        mysql_accounts.refuse_names(self.databases, self.passwords)


def init_sql(databases: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    """Return the statements that the server runs at every start: they create what is missing.

    An account has rights on its own database alone; a changed password takes effect at the next start.
    """
    # The probes' account: without one, every probe would be a refused login in the log.
    probe = f"CREATE USER IF NOT EXISTS '{_PROBE}'@'localhost';"
    return "\n".join([probe, *mysql_accounts.statements(databases, passwords, "ALL PRIVILEGES")]) + "\n"


class MariaDb(pulumi.ComponentResource):
    """One server and its databases."""

    connections: dict[str, MysqlConnection]

    def __init__(self, name: str, args: MariaDbArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MariaDb", name, {"databases": dict(args.databases)}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("mariadb", name, "database"), **args.extra_labels}
        self._selector = selector("mariadb", name)
        server = self._server(self._init_secret(), self._network_policy())
        service = self._service(server)
        # Taken from the Service, which is known when the server answers.
        host = pulumi.Output.concat(args.service_name, ".", service.metadata["namespace"])
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

    def _metadata(self, name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": name, "namespace": self._args.namespace, "labels": self._labels}

    def _init_secret(self) -> kubernetes.core.v1.Secret:
        databases = self._args.databases
        passwords = pulumi.Output.all(**self._args.passwords)
        sql = pulumi.Output.secret(passwords.apply(lambda known: init_sql(databases, known)))
        return kubernetes.core.v1.Secret(
            f"{self._name}-init",
            metadata=self._metadata(f"{self._name}-init"),
            string_data={"init.sql": sql},
            opts=self._child,
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        incoming = network_policies.ingress(self._args.clients, PORT)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(self._name),
            spec=network_policies.exception(self._selector, incoming=[incoming]),
            opts=self._child,
        )

    def _volume(self) -> kubernetes.core.v1.PersistentVolumeClaim:
        metadata = self._metadata(self._name)
        # A class that waits for the first consumer binds only when the pod below exists.
        metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        return kubernetes.core.v1.PersistentVolumeClaim(
            f"{self._name}-volume",
            metadata=metadata,
            spec=pod_inputs.claim(self._args.storage_size, self._args.storage_class),
            opts=self._child,
        )

    def _server(
        self, init: kubernetes.core.v1.Secret, policy: pulumi.Resource
    ) -> kubernetes.apps.v1.Deployment:
        sizes = pod_security.sizes(cpu="50m", memory="192Mi", memory_limit="640Mi")
        data: kubernetes.core.v1.VolumeMountArgsDict = {"name": "data", "mount_path": "/data"}
        scratch: kubernetes.core.v1.VolumeMountArgsDict = {"name": "tmp", "mount_path": "/tmp"}
        install: kubernetes.core.v1.ContainerArgsDict = {
            "name": "install",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "security_context": pod_security.container_context(),
            "resources": sizes,
            "command": ["/bin/sh", "-c", _INSTALL],
            "volume_mounts": [data, scratch],
        }
        ping = [
            "mariadb-admin",
            "--no-defaults",
            "--socket=/tmp/mysqld.sock",
            "--connect-timeout=3",
            f"--user={_PROBE}",
            "ping",
        ]
        server: kubernetes.core.v1.ContainerArgsDict = {
            "name": "mariadb",
            "image": self._args.image,
            "image_pull_policy": "IfNotPresent",
            "security_context": pod_security.container_context(),
            "resources": sizes,
            "command": ["mariadbd"],
            "args": [
                "--no-defaults",
                "--datadir=/data/mysql",
                "--bind-address=0.0.0.0",
                f"--port={PORT}",
                "--socket=/tmp/mysqld.sock",
                "--pid-file=/tmp/mysqld.pid",
                "--tmpdir=/tmp",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--innodb-buffer-pool-size=128M",
                "--performance-schema=OFF",
                "--init-file=/init/init.sql",
            ],
            "ports": [{"name": "mysql", "container_port": PORT}],
            # The account exists only after the init file ran to its end.
            "startup_probe": pod_security.command_probe(ping, period_seconds=1, failures=180),
            "readiness_probe": pod_security.command_probe(ping, period_seconds=5, failures=3),
            "liveness_probe": pod_security.command_probe(ping, period_seconds=15, failures=4),
            "volume_mounts": [data, scratch, {"name": "init", "mount_path": "/init", "read_only": True}],
        }
        volumes: list[kubernetes.core.v1.VolumeArgsDict] = [
            {
                "name": "data",
                "persistent_volume_claim": {"claim_name": self._volume().metadata["name"]},
            },
            {"name": "tmp", "empty_dir": {"size_limit": "1Gi"}},
            {"name": "init", "secret": {"secret_name": init.metadata["name"]}},
        ]
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-server",
            metadata=self._metadata(self._name),
            spec={
                "replicas": 1,
                # Two servers on one volume would destroy it.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": self._selector},
                "template": {
                    "metadata": {"labels": self._labels},
                    "spec": {
                        "automount_service_account_token": False,
                        "enable_service_links": False,
                        "termination_grace_period_seconds": 60,
                        "security_context": pod_security.pod_context(_USER),
                        "init_containers": [install],
                        "containers": [server],
                        "volumes": volumes,
                    },
                },
            },
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _service(self, server: pulumi.Resource) -> kubernetes.core.v1.Service:
        return cluster_service.deploy(
            f"{self._name}-service",
            metadata=self._metadata(self._args.service_name),
            selector=self._selector,
            ports={"mysql": PORT},
            parent=self,
            after=[server],
        )
