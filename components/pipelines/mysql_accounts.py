"""Databases of a MySQL or MariaDB server that is there already, each with an owner of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.shapes import job_pods, network_policies, pod_inputs
from components.shapes.labels import labels, selector

_USER = 65532
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,30}$")
_FOLDER = "/statements"
# What the administrator of a managed server may hand on; `ALL` would hold more than it has itself.
_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES"
)


@dataclass(frozen=True, kw_only=True)
class MysqlAccountsArgs:
    """What the Job that makes them needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: str
    """MariaDB, for its client, with Python."""
    server: MysqlConnection
    """The server and its administrator, whom no consumer gets to know."""
    databases: Mapping[str, str]
    """Database -> the account that owns it."""
    passwords: Mapping[str, pulumi.Input[str]]
    """Account -> password; quotes and backslashes are refused."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Where the server is; anywhere on its port if not given."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse names that would need quoting, and owners without a password."""
        refuse_names(self.databases, self.passwords)
        if self.server.username in self.passwords:
            raise ValueError(
                f"passwords: {self.server.username!r} administers the server; give consumers other accounts"
            )


def refuse_names(databases: Mapping[str, str], passwords: Mapping[str, pulumi.Input[str]]) -> None:
    """Refuse databases and accounts that cannot be made.

    Raises:
        ValueError: a name that would need quoting, or an owner without a password.
    """
    for kind, names in (("databases", databases), ("passwords", passwords)):
        for each in names:
            if not _IDENTIFIER.match(each):
                raise ValueError(f"{kind}: {each!r}; use a lower-case letter, then letters, digits, _")
    without = sorted(set(databases.values()) - set(passwords))
    if without or not databases:
        raise ValueError(f"passwords: none for {', '.join(without) or 'any database'}; give each owner one")


def statements(
    databases: Mapping[str, str], passwords: Mapping[str, str], privileges: str = _PRIVILEGES
) -> list[str]:
    """Return the statements that create what is missing; an account has rights on its own database alone."""
    lines: list[str] = []
    for account, password in sorted(passwords.items()):
        if "'" in password or "\\" in password:
            raise ValueError(f"passwords: that of {account} holds a quote or a backslash; choose another")
        lines.append(f"CREATE USER IF NOT EXISTS '{account}'@'%' IDENTIFIED BY '{password}';")
        lines.append(f"ALTER USER '{account}'@'%' IDENTIFIED BY '{password}';")
    for database, owner in sorted(databases.items()):
        lines.append(f"CREATE DATABASE IF NOT EXISTS {database};")
        lines.append(f"GRANT {privileges} ON {database}.* TO '{owner}'@'%';")
    return lines


class MysqlAccounts(pulumi.ComponentResource):
    """One Job that makes the databases and their owners."""

    connections: dict[str, MysqlConnection]

    def __init__(self, name: str, args: MysqlAccountsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MysqlAccounts", name, {"databases": dict(args.databases)}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._selector = selector("mysql-accounts", name)
        self._labels = {**labels("mysql-accounts", name, "accounts"), **args.extra_labels}
        job = self._job(self._secret(), self._network_policy())
        # Taken through the Job, so that a consumer finds its database.
        host = pulumi.Output.all(args.server.host, job.id).apply(lambda known: str(known[0]))
        self.connections = {
            database: MysqlConnection(
                host=host,
                port=args.server.port,
                database=database,
                username=owner,
                password=pulumi.Output.secret(args.passwords[owner]),
                tls=args.server.tls,
            )
            for database, owner in args.databases.items()
        }
        self.register_outputs({"host": host})

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _secret(self) -> kubernetes.core.v1.Secret:
        databases = self._args.databases
        passwords = pulumi.Output.all(**self._args.passwords)
        sql = passwords.apply(lambda known: "\n".join(statements(databases, known)) + "\n")
        return kubernetes.core.v1.Secret(
            f"{self._name}-statements",
            metadata=self._metadata("statements"),
            string_data={
                "password": pulumi.Output.secret(self._args.server.password),
                "statements.sql": pulumi.Output.secret(sql),
            },
            opts=self._child,
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=network_policies.exception(
                self._selector, outgoing=[network_policies.egress(stores, self._args.server.port)]
            ),
            opts=self._child,
        )

    def _job(self, secret: kubernetes.core.v1.Secret, policy: pulumi.Resource) -> kubernetes.batch.v1.Job:
        server = self._args.server
        program = job_pods.JobProgram(module="create_accounts", files={})
        config_map = kubernetes.core.v1.ConfigMap(
            f"{self._name}-program",
            metadata=self._metadata("program"),
            data=program.data(),
            opts=self._child,
        )
        wanted = [f"{database}={owner}" for database, owner in sorted(self._args.databases.items())]
        spec = job_pods.spec(
            program,
            image=self._args.image,
            config_map=config_map.metadata["name"],
            labels=self._labels,
            env=[
                *pod_inputs.plain_env(
                    {
                        "DATABASE_HOST": server.host,
                        "DATABASE_PORT": str(server.port),
                        "DATABASE_USER": server.username,
                        "DATABASE_TLS": str(server.tls).lower(),
                        "STATEMENTS_FILE": f"{_FOLDER}/statements.sql",
                    }
                ),
                *pod_inputs.secret_env(secret.metadata["name"], {"MYSQL_PWD": "password"}),
            ],
            user_id=_USER,
            secrets={_FOLDER: (secret.metadata["name"], "statements.sql")},
        )
        return kubernetes.batch.v1.Job(
            f"{self._name}-job",
            # Named by its content: other databases or owners are another Job. Of passwords it tells nothing.
            metadata=self._metadata(f"job-{program.digest(self._args.image, _PRIVILEGES, *wanted)}"),
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
