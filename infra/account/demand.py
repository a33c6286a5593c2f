"""The AWS resources that a stack needs, derived from its settings: the input of `preflight` and `cost`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components import images
from components.aws import instance_types, network_plan
from components.aws.databases import rds_logs
from infra.errors import InfraError
from infra.parts import IMAGES, PARTS
from infra.parts.plan import plan
from infra.parts.records import ManagedDatabase
from infra.settings.cluster import CapacityType, EksSettings, Nat
from infra.settings.pools import GpuPoolSettings, Provisioner
from infra.settings.sections import gib
from infra.settings.stack import Settings


@dataclass(frozen=True, kw_only=True)
class NodePool:
    """Nodes with the same instance types, zones and way to buy them."""

    name: str
    capacity_type: CapacityType
    zones: tuple[str, ...]
    """Zones where its nodes may run."""
    min_nodes: int
    max_by_type: Mapping[str, int]
    """Instance type -> the most nodes if all of them are of that type."""
    disk_gib: int
    gpus: bool
    reservation: str | None = None
    provisioner: Provisioner = Provisioner.NODE_GROUP

    @property
    def max_nodes(self) -> int:
        """The most nodes that the pool can have."""
        return max(self.max_by_type.values())


@dataclass(frozen=True, kw_only=True)
class Database:
    """An RDS instance."""

    name: str
    identifier: str
    """Name in the account and region."""
    engine: str
    version: str
    """Major version."""
    instance_class: str
    storage_gib: int
    multi_az: bool


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Everything on AWS that has a price, a quota or a name that may already be in use."""

    cluster: str
    account: str
    region: str
    administrators: tuple[str, ...]
    """IAM roles and users with administrator access to the cluster."""
    zones: tuple[str, ...]
    kubernetes_version: str
    addons: Mapping[str, str]
    ami_release: str | None
    nat_gateways: int
    interface_endpoints: int
    """Number of network interfaces: one per service and zone."""
    log_days: int
    pools: tuple[NodePool, ...]
    databases: tuple[Database, ...]
    volumes_gib: int
    """Total size of the volumes of stores that run in the cluster."""
    buckets: tuple[str, ...]
    repositories: tuple[str, ...]
    log_groups: tuple[str, ...]
    keys: int
    """Number of customer-managed keys: one for each kind of data."""
    hosts: tuple[str, ...]
    """Hosts that the gateway routes."""
    certificate_arn: str | None
    """ACM certificate of the gateway's load balancer."""
    public_images: Mapping[str, tuple[str, ...]]
    """Registry that anyone may pull from -> images that nodes pull from it."""


def demand_of(settings: Settings, stack: str) -> Demand:
    """Return what a stack needs on AWS.

    Raises:
        InfraError: the stack is not on AWS.
    """
    cluster = settings.cluster
    if not isinstance(cluster, EksSettings):
        raise InfraError(
            f"--stack {stack}: its cluster is of kind {cluster.kind}, which uses no AWS account; "
            "choose a stack whose cluster is of kind eks"
        )
    made = plan(settings, PARTS)
    databases = tuple(_database(each, cluster.name) for each in made.databases)
    buckets = tuple(f"{settings.bucket_prefix}-{each.name}" for each in made.managed_buckets)
    return Demand(
        cluster=cluster.name,
        account=cluster.account,
        region=cluster.region,
        administrators=cluster.administrators,
        zones=cluster.availability_zones,
        kubernetes_version=cluster.kubernetes_version,
        addons=cluster.addon_versions,
        ami_release=cluster.ami_release,
        nat_gateways=len(cluster.availability_zones) if cluster.network.nat is Nat.PER_ZONE else 1,
        interface_endpoints=_endpoints(cluster) * len(cluster.availability_zones),
        log_days=cluster.log_days,
        pools=(_system_pool(cluster), *(_gpu_pool(pool, cluster) for pool in settings.gpu_pools)),
        databases=databases,
        volumes_gib=sum(gib(each.size) for each in made.volumes),
        buckets=buckets,
        repositories=tuple(
            f"{cluster.name}/plinth/{name}"
            for name in images.repositories(IMAGES, mirrored=settings.images.mirror)
        ),
        log_groups=(
            f"/aws/eks/{cluster.name}/cluster",
            f"/plinth/{cluster.name}/network",
            *(
                group
                for each in databases
                for group in rds_logs.log_groups(each.identifier, each.engine).values()
            ),
        ),
        # Always secrets in the API, logs and images; also objects and each database that AWS stores.
        keys=3 + len(databases) + bool(buckets),
        hosts=tuple(sorted({f"{each.host}.{settings.gateway.domain}" for each in made.routes})),
        certificate_arn=settings.gateway.certificate_arn,
        public_images=_public_images(made.images, settings),
    )


def _public_images(names: Iterable[str], settings: Settings) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in () if settings.images.mirror else names:
        if not images.is_own(name):
            host = images.reference(name, settings.registry).partition("/")[0]
            found.setdefault(host, []).append(name)
    return {host: tuple(sorted(listed)) for host, listed in sorted(found.items())}


def _endpoints(cluster: EksSettings) -> int:
    return len(network_plan.INTERFACE_ENDPOINTS) if cluster.network.private_endpoints else 0


def _system_pool(cluster: EksSettings) -> NodePool:
    pool = cluster.system_pool
    return NodePool(
        name="system",
        capacity_type=pool.capacity_type,
        zones=cluster.availability_zones,
        min_nodes=pool.min,
        max_by_type=dict.fromkeys(pool.instance_types, pool.max),
        disk_gib=pool.disk_gib,
        gpus=False,
    )


def _gpu_pool(pool: GpuPoolSettings, cluster: EksSettings) -> NodePool:
    return NodePool(
        name=pool.name,
        capacity_type=pool.capacity_type,
        zones=pool.zones or cluster.availability_zones,
        min_nodes=pool.min,
        max_by_type=dict(_max_by_type(pool)),
        disk_gib=pool.disk_gib,
        gpus=True,
        reservation=pool.reservation,
        provisioner=pool.provisioner,
    )


def _max_by_type(pool: GpuPoolSettings) -> Iterator[tuple[str, int]]:
    """Yield each type with its most nodes: Karpenter limits GPUs, a node group limits nodes."""
    types = [instance_types.known(name) for name in pool.instance_types]
    limit = pool.max * instance_types.devices_per_node(types, sharing=None)
    for each in types:
        yield each.name, limit // each.gpus if pool.provisioner is Provisioner.KARPENTER else pool.max


def _database(state: ManagedDatabase, cluster: str) -> Database:
    return Database(
        name=state.name,
        identifier=state.identifier(cluster),
        engine=state.engine,
        version=state.version,
        instance_class=state.instance_class,
        storage_gib=gib(state.size),
        multi_az=state.multi_az,
    )
