"""Databases on an existing MySQL or MariaDB server, each with its own account."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import MysqlConnection
from components.pipelines.mysql_text import CHARACTER_SET, COLLATION
from components.shapes import job_pods, network_policies, pod_inputs
from components.shapes.owner import Owner

_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_FOLDER = "/accounts"
# The administrator of a managed server cannot grant `ALL`: that is more than it has itself.
_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES"
)


@dataclass(frozen=True, kw_only=True)
class MysqlAccountsArgs:
    """Inputs of `MysqlAccounts`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image with MariaDB's client and Python."""
    server: MysqlConnection
    """The server and its administrator, whose password no consumer gets."""
    databases: Mapping[str, str]
    """Owning account by database."""
    passwords: Mapping[str, pulumi.Input[str]]
    """Password by account; quotes and backslashes are rejected."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of the server; by default anything on its port."""

    def __post_init__(self) -> None:
        """Reject names that would need quoting, and owners without a password."""
        check_names(self.databases, self.passwords)
        if self.server.username in self.passwords:
            raise ValueError(
                f"passwords: {self.server.username!r} administers the server; give consumers other accounts"
            )


def check_names(databases: Mapping[str, str], passwords: Mapping[str, pulumi.Input[str]]) -> None:
    """Reject databases and accounts that cannot be created.

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
    """Return the statements that create what is missing; an account may use its own database alone."""
    lines: list[str] = []
    for account, password in sorted(passwords.items()):
        if "'" in password or "\\" in password:
            raise ValueError(f"passwords: that of {account} holds a quote or a backslash; choose another")
        lines.append(f"CREATE USER IF NOT EXISTS '{account}'@'%' IDENTIFIED BY '{password}';")
        lines.append(f"ALTER USER '{account}'@'%' IDENTIFIED BY '{password}';")
    for database, owner in sorted(databases.items()):
        lines.append(
            f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET {CHARACTER_SET} COLLATE {COLLATION};"
        )
        lines.append(f"GRANT {privileges} ON {database}.* TO '{owner}'@'%';")
    return lines


class MysqlAccounts(pulumi.ComponentResource):
    """One Job that creates the databases and their owners."""

    connections: dict[str, MysqlConnection]

    def __init__(self, name: str, args: MysqlAccountsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MysqlAccounts", name, {"databases": dict(args.databases)}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="mysql-accounts", role="accounts")
        job = self._job(self._secret(), self._network_policy())
        # Resolved by the Job, so that a consumer finds its database.
        host = pulumi.Output.all(args.server.host, job.id).apply(lambda known: str(known[0]))
        self.connections = {
            database: MysqlConnection(
                host=host,
                port=args.server.port,
                database=database,
                username=owner,
                password=pulumi.Output.secret(args.passwords[owner]),
                authorities=args.server.authorities,
            )
            for database, owner in args.databases.items()
        }
        self.register_outputs({"host": host})

    def _secret(self) -> kubernetes.core.v1.Secret:
        databases = self._args.databases
        passwords = pulumi.Output.all(**self._args.passwords)
        sql = passwords.apply(lambda known: "\n".join(statements(databases, known)) + "\n")
        return kubernetes.core.v1.Secret(
            f"{self._name}-statements",
            metadata=self._owner.metadata(f"{self._name}-statements"),
            string_data={
                "password": pulumi.Output.secret(self._args.server.password),
                "statements.sql": pulumi.Output.secret(sql),
            },
            opts=self._owner.child(),
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        stores = self._args.stores or (network_policies.anywhere(),)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector, outgoing=[network_policies.egress(stores, self._args.server.port)]
            ),
            opts=self._owner.child(),
        )

    def _job(self, secret: kubernetes.core.v1.Secret, policy: pulumi.Resource) -> kubernetes.batch.v1.Job:
        server = self._args.server
        program = job_pods.JobProgram(
            module="create_accounts",
            files=job_pods.authorities(server.authorities),
            imports=("mysql_client",),
        )
        config_map = job_pods.create_program(
            self._owner, program, role="program", name=f"{self._name}-program"
        )
        owners = [f"{database}={owner}" for database, owner in sorted(self._args.databases.items())]
        # Named after its content: other databases or owners are a new Job. Passwords are not part of it.
        digest = program.digest(self._args.image, _PRIVILEGES, *owners)
        spec = job_pods.spec(
            program,
            image=self._args.image,
            config_map=config_map.metadata["name"],
            labels=self._owner.labels,
            env=pod_inputs.plain_env(
                {
                    "DATABASE_HOST": server.host,
                    "DATABASE_PORT": str(server.port),
                    "DATABASE_USER": server.username,
                    "DATABASE_AUTHORITIES": program.authorities,
                    "PASSWORD_FILE": f"{_FOLDER}/password",
                    "STATEMENTS_FILE": f"{_FOLDER}/statements.sql",
                }
            ),
            secrets={_FOLDER: (secret.metadata["name"], ("password", "statements.sql"))},
        )
        return kubernetes.batch.v1.Job(
            f"{self._name}-job",
            metadata=job_pods.metadata(self._owner, f"{self._name}-job-{digest}"),
            spec=spec,
            opts=self._owner.child([policy]),
        )
