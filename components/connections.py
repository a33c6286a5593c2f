"""Records that components pass to each other, the same for in-cluster and cloud variants.

The component that writes a password or key into an object marks it secret there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    import pulumi_kubernetes as kubernetes


@dataclass(frozen=True, kw_only=True)
class PostgresConnection:
    """One database of a Postgres server and the account that owns it; every connection is encrypted."""

    host: pulumi.Input[str]
    port: int
    database: str
    username: str
    password: pulumi.Input[str]
    authorities: str = ""
    """Certificates, as PEM, of which one has signed the server's; without any the server is not verified."""
    databases: "Mapping[str, PostgresConnection]" = field(default_factory=dict[str, "PostgresConnection"])
    """Further databases of the same server, each with an account of its own."""


@dataclass(frozen=True, kw_only=True)
class MysqlConnection:
    """One database of a MySQL or MariaDB server and the account that owns it."""

    host: pulumi.Input[str]
    port: int
    database: str
    username: str
    password: pulumi.Input[str]
    authorities: str = ""
    """Certificates, as PEM, of which one has signed the server's; without any nothing is encrypted."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder of a bucket, and the account that may read it alone."""

    bucket: str
    prefix: str
    """What the names of its objects begin with; it ends with a slash."""
    reader: str
    writes: str = ""
    """Pattern of what the account may write below the prefix, such as `*/labels/*`; empty for nothing."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, the account with full access to it and the accounts that may read it."""

    name: str
    owner: str
    readers: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()
    """What further accounts may read of it."""
    keep_days: int | None = None
    """Days for which the cloud keeps an object; None for ever. In the cluster the owner deletes it."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that may use it."""
        return (self.owner, *self.readers, *(each.reader for each in self.folders))


@dataclass(frozen=True, kw_only=True)
class ObjectStoreConnection:
    """One bucket and one consumer's credentials for it; `endpoint` is host:port.

    Without keys the consumer's pods have their own identity, for which the cloud issues credentials. Only
    where `public` does the endpoint have this name outside the cluster too, so that an address in it may be
    given to clients.
    """

    endpoint: pulumi.Input[str]
    region: str
    bucket: str
    access_key: pulumi.Input[str] | None = None
    secret_key: pulumi.Input[str] | None = None
    secure: bool
    public: bool = False

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
class ObjectStoreConnections:
    """Connections of all accounts to their buckets."""

    by_use: Mapping[tuple[str, str], ObjectStoreConnection]
    """(bucket, account) -> the account's connection to the bucket."""

    @classmethod
    def to(
        cls, buckets: Sequence[Bucket], connect: Callable[[str, str], ObjectStoreConnection]
    ) -> "ObjectStoreConnections":
        """Connect every account of every bucket.

        Args:
            buckets: buckets of the store.
            connect: bucket and account -> connection.
        """
        uses = [(each.name, account) for each in buckets for account in each.accounts]
        return cls(by_use={use: connect(*use) for use in uses})

    def of(self, bucket: str, account: str) -> ObjectStoreConnection:
        """Return an account's connection to a bucket.

        Raises:
            ValueError: the account neither owns nor reads the bucket.
        """
        if (bucket, account) not in self.by_use:
            raise ValueError(f"account {account!r} may not use bucket {bucket!r}: name it in Part.buckets")
        return self.by_use[bucket, account]


@dataclass(frozen=True, kw_only=True)
class PipelinesDatabases:
    """The databases of Kubeflow Pipelines: of the stack, and of each team."""

    by_name: Mapping[str, MysqlConnection]


@dataclass(frozen=True, kw_only=True)
class PipelinesConnection:
    """What the first pipelines of a cluster have for all: custom resources, and a priority."""

    definitions: tuple[pulumi.Resource, ...]


@dataclass(frozen=True, kw_only=True)
class TeamNamespaces:
    """Namespace of each team."""

    by_team: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class TrackingConnection:
    """URI of the stack's own workspace of MLflow inside the cluster, and where MLflow stores artifacts."""

    uri: pulumi.Input[str]
    artifacts_destination: str
    multipart: bool
    """Whether clients send and fetch artifacts in parts, at addresses of the object store."""


@dataclass(frozen=True, kw_only=True)
class ServingConnection:
    """Namespace, service account and runtimes of inference services."""

    models_namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]
    serving_runtime: pulumi.Input[str]
    """Runtime of models that need nothing special."""
    serving_runtimes: pulumi.Input[str]
    """Runtime and packages of each family, as JSON."""


@dataclass(frozen=True, kw_only=True)
class GpuPolicies:
    """Admission policies of GPU nodes; what admits pods that request a GPU comes after them."""

    in_force: tuple[pulumi.Resource, ...]


@dataclass(frozen=True, kw_only=True)
class TeamQueues:
    """ClusterQueue of each team; the team's namespace is created after it and deleted before it."""

    by_team: Mapping[str, pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class GatewayConnection:
    """The Gateway that HTTPRoutes attach to, and the parent domain of their hosts."""

    name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    domain: str
    class_name: str
    secure: bool = False
    """Whether clients outside the cluster use https."""

    def url(self, host: str) -> str:
        """Return the URL of a host by its first label, as clients outside the cluster call it."""
        return f"{'https' if self.secure else 'http'}://{host}.{self.domain}"


@dataclass(frozen=True, kw_only=True)
class ClusterConnection:
    """The cluster that a stack deploys to; components inherit the provider from their parent."""

    provider: "kubernetes.Provider"
    name: str
