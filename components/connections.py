"""What components hand to each other: plain records, the same for in-cluster and cloud variants.

Who puts a password or key into an object marks it secret there, whatever came in.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes


@dataclass(frozen=True, kw_only=True)
class PostgresConnection:
    """One database of a Postgres server and the account that owns it."""

    host: pulumi.Input[str]
    port: int
    database: str
    username: str
    password: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class MysqlConnection:
    """One database of a MySQL or MariaDB server and the account that owns it."""

    host: pulumi.Input[str]
    port: int
    database: str
    username: str
    password: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class ObjectStoreConnection:
    """One bucket and the credentials of one consumer of it; `endpoint` is host:port."""

    endpoint: pulumi.Input[str]
    region: str
    bucket: str
    access_key: pulumi.Input[str]
    secret_key: pulumi.Input[str]
    secure: bool

    @property
    def url(self) -> pulumi.Output[str]:
        """The endpoint with its scheme."""
        return pulumi.Output.concat("https://" if self.secure else "http://", self.endpoint)


@dataclass(frozen=True, kw_only=True)
class GatewayConnection:
    """The Gateway that HTTPRoutes attach to, and the domain below which their hosts lie."""

    name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    domain: str
    class_name: str


@dataclass(frozen=True, kw_only=True)
class ClusterConnection:
    """The cluster that a stack deploys to; every component inherits the provider from its parent."""

    provider: kubernetes.Provider
    name: str
