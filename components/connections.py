"""Records that components pass to each other, the same for in-cluster and cloud variants.

The component that writes a password or key into an object marks it secret there.
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
    """One database of a MySQL or MariaDB server and the account that owns it.

    With `tls` the server rejects unencrypted connections.
    """

    host: pulumi.Input[str]
    port: int
    database: str
    username: str
    password: pulumi.Input[str]
    tls: bool = False


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, the account with full access to it and the accounts that may read it."""

    name: str
    owner: str
    readers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ObjectStoreConnection:
    """One bucket and one consumer's credentials for it; `endpoint` is host:port.

    Without keys the consumer's pods have their own identity, for which the cloud issues credentials.
    """

    endpoint: pulumi.Input[str]
    region: str
    bucket: str
    access_key: pulumi.Input[str] | None = None
    secret_key: pulumi.Input[str] | None = None
    secure: bool

    def __post_init__(self) -> None:
        """Reject half of a key pair."""
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key, secret_key: one of the two is missing; give both or neither")

    @property
    def keyless(self) -> bool:
        """Whether pods access the bucket by their own identity."""
        return self.access_key is None

    @property
    def url(self) -> pulumi.Output[str]:
        """URL of the endpoint."""
        return pulumi.Output.concat("https://" if self.secure else "http://", self.endpoint)


@dataclass(frozen=True, kw_only=True)
class GatewayConnection:
    """The Gateway that HTTPRoutes attach to, and the parent domain of their hosts."""

    name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    domain: str
    class_name: str


@dataclass(frozen=True, kw_only=True)
class ClusterConnection:
    """The cluster that a stack deploys to; components inherit the provider from their parent."""

    provider: kubernetes.Provider
    name: str
