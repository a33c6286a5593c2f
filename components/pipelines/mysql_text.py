"""The character set of MySQL databases: one Job converts what an installation from before has."""

import json
from dataclasses import dataclass, replace
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.shapes import job_pods, network_policies, pod_inputs
from components.shapes.owner import Owner

CHARACTER_SET: Final = "utf8mb4"
"""All of Unicode; the server's own `latin1` refuses most languages, and `utf8` every emoji."""
COLLATION: Final = "utf8mb4_uca1400_as_ci"
"""Ignores case, as the server's own does and upstream expects, but neither accents nor emoji."""
SET_NAMES: Final = f"SET NAMES {CHARACTER_SET}"
"""Run by the server for every client: ML Metadata's has no setting and would say `latin1`."""
_PASSWORDS: Final = "/passwords"


@dataclass(frozen=True, kw_only=True)
class TextDatabase:
    """A database and its owner."""

    connection: MysqlConnection
    mislabelled: bool = False
    """Whether its client used to send UTF-8 as Latin-1."""


@dataclass(frozen=True, kw_only=True)
class MysqlTextArgs:
    """Inputs of `MysqlText`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image with MariaDB's client and Python."""
    databases: tuple[TextDatabase, ...]
    """Each is converted as its owner; all are on one server, of the same authorities."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of the server; by default anything on its port."""

    def __post_init__(self) -> None:
        """Reject a Job with nothing to do."""
        if not self.databases:
            raise ValueError("databases: none given; name those that hold text")


class MysqlText(pulumi.ComponentResource):
    """One Job that converts databases."""

    connections: dict[str, MysqlConnection]

    def __init__(self, name: str, args: MysqlTextArgs, opts: ResourceOptions | None = None) -> None:
        names = [each.connection.database for each in args.databases]
        super().__init__("plinth:index:MysqlText", name, {"databases": names, "collation": COLLATION}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="mysql-text", role="conversion")
        self._host = args.databases[0].connection.host
        job = self._job([self._secret(), self._network_policy()])
        # Resolved by the Job: consumers create tables, in the character set that their database then has.
        host = pulumi.Output.all(self._host, job.id).apply(lambda known: str(known[0]))
        self.connections = {
            each.connection.database: replace(each.connection, host=host) for each in args.databases
        }
        self.register_outputs({"host": host})

    def _secret(self) -> kubernetes.core.v1.Secret:
        passwords = {
            each.connection.database: pulumi.Output.secret(each.connection.password)
            for each in self._args.databases
        }
        return kubernetes.core.v1.Secret(
            f"{self._name}-passwords",
            metadata=self._owner.metadata(f"{self._name}-passwords"),
            string_data=passwords,
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        ports = sorted({each.connection.port for each in self._args.databases})
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector, outgoing=[network_policies.egress(stores, *ports)]
            ),
            opts=self._owner.child(),
        )

    def _databases(self, program: job_pods.JobProgram) -> pulumi.Output[str]:
        def listed(host: str) -> str:
            found = [
                {
                    "client": {
                        "host": host,
                        "port": str(each.connection.port),
                        "user": each.connection.username,
                        "authorities": program.authorities,
                        "database": each.connection.database,
                        "password_file": f"{_PASSWORDS}/{each.connection.database}",
                    },
                    "mislabelled": each.mislabelled,
                }
                for each in self._args.databases
            ]
            return json.dumps(found, sort_keys=True)

        return pulumi.Output.from_input(self._host).apply(listed)

    def _job(self, after: list[pulumi.Resource]) -> kubernetes.batch.v1.Job:
        program = job_pods.JobProgram(
            module="convert_text",
            files=job_pods.authorities(self._args.databases[0].connection.authorities),
            imports=("mysql_client",),
        )
        config_map = job_pods.create_program(
            self._owner, program, role="program", name=f"{self._name}-program"
        )
        names = [f"{each.connection.database}:{each.mislabelled}" for each in self._args.databases]
        # Named after its content: it runs once for each program, character set and list of databases.
        digest = program.digest(self._args.image, CHARACTER_SET, COLLATION, *names)
        keys = [each.connection.database for each in self._args.databases]
        spec = job_pods.spec(
            program,
            image=self._args.image,
            config_map=config_map.metadata["name"],
            labels=self._owner.labels,
            env=pod_inputs.plain_env(
                {
                    "DATABASES": self._databases(program),
                    "CHARACTER_SET": CHARACTER_SET,
                    "COLLATION": COLLATION,
                }
            ),
            secrets={_PASSWORDS: (f"{self._name}-passwords", keys)},
        )
        return kubernetes.batch.v1.Job(
            f"{self._name}-job",
            metadata=job_pods.metadata(self._owner, f"{self._name}-job-{digest}"),
            spec=spec,
            opts=self._owner.child(after),
        )
