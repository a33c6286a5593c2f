"""Estimates what a stack on AWS costs in a month of 730 hours, with its node pools at min and at max."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from components.aws.network_plan import INTERFACE_ENDPOINTS
from infra.account.demand import Database, Demand, NodePool
from infra.account.prices import Prices
from infra.settings.cluster import CapacityType

HOURS = Decimal(730)
_CENT = Decimal("0.01")
_LOG_STEP_GB = 100


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Assumed monthly usage, for prices that depend on it."""

    object_gb: int = 200
    """Objects in all buckets."""
    image_gb: int = 10
    """Images in ECR."""
    log_gb: int = 20
    """Logs that CloudWatch ingests: of the control plane, audit included, and of every flow in the VPC."""
    internet_gb: int = 100
    """Traffic between nodes and the internet, through NAT."""
    endpoint_gb: int = 200
    """Traffic between nodes and AWS services; through NAT if the VPC has no endpoints."""
    capacity_units: int = 1
    """Load balancer capacity units of the gateway."""


ASSUMED = Usage()
"""Usage while pools are at min."""
BUSY = Usage(log_gb=200, internet_gb=1000, endpoint_gb=2000)
"""Usage while pools are at max: flow and audit logs grow with nodes, pods and their connections."""
EXCLUDED = (
    "traffic to the internet and between zones; requests to S3 and KMS; database metrics",
    "database backups beyond the database's size; snapshots; noncurrent object versions",
    "capacity blocks and reservations: AWS bills them when bought, used or not",
    "spot savings: spot prices vary, so spot nodes are counted at the on-demand price",
    "Savings Plans, free tiers, support, taxes",
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Monthly cost of one item, in whole cents so that the printed lines add up to the printed total."""

    component: str
    item: str
    how: str
    minimum: Decimal
    maximum: Decimal

    def __post_init__(self) -> None:
        for name in ("minimum", "maximum"):
            amount: Decimal = getattr(self, name)
            object.__setattr__(self, name, amount.quantize(_CENT, rounding=ROUND_HALF_UP))


def lines(demand: Demand, prices: Prices, usage: Usage = ASSUMED, busy: Usage = BUSY) -> tuple[Line, ...]:
    """Return the items of the estimate.

    Args:
        demand: what the stack needs.
        prices: list prices of its region.
        usage: assumed usage with pools at min.
        busy: assumed usage with pools at max.

    Raises:
        PriceError: an instance type or database class has no price in the region.
    """
    return (
        *_cluster(demand, prices),
        *_network(demand, prices, usage, busy),
        *(line for pool in demand.pools for line in _pool(pool, prices)),
        *(line for database in demand.databases for line in _database(database, prices)),
        *_stores(demand, prices, usage),
        *_logs(demand, prices, usage, busy),
    )


def total(lines: Iterable[Line]) -> tuple[Decimal, Decimal]:
    """Return the sums of the lines, with every pool at min and at max."""
    listed = tuple(lines)
    return sum((line.minimum for line in listed), Decimal(0)), sum(
        (line.maximum for line in listed), Decimal(0)
    )


def _hourly(component: str, item: str, count: int, price: Decimal) -> Line:
    monthly = count * price * HOURS
    return Line(
        component=component, item=item, how=f"{count} x {price} USD/h", minimum=monthly, maximum=monthly
    )


def _monthly(component: str, item: str, count: int, price: Decimal, unit: str) -> Line:
    cost = count * price
    how = f"{count} {unit} x {price} USD" if unit else f"{count} x {price} USD"
    return Line(component=component, item=item, how=how, minimum=cost, maximum=cost)


def _assumed(component: str, item: str, amounts: tuple[int, int], price: Decimal) -> Line:
    """Return the cost of an assumed amount of data, of a quiet and of a busy month."""
    quiet, busy = amounts
    return Line(
        component=component,
        item=item,
        how=f"{_range(quiet, busy)} GB assumed x {price} USD",
        minimum=quiet * price,
        maximum=busy * price,
    )


def _cluster(demand: Demand, prices: Prices) -> Iterator[Line]:
    yield _hourly("EksCluster", "control plane, standard support", 1, prices.services.eks_cluster_hour)


def _network(demand: Demand, prices: Prices, usage: Usage, busy: Usage) -> Iterator[Line]:
    service = prices.services
    yield _hourly("Vpc", "NAT gateways", demand.nat_gateways, service.nat_gateway_hour)
    yield _hourly("Vpc", "public addresses for NAT", demand.nat_gateways, service.public_address_hour)
    # Traffic to services without an endpoint goes through NAT.
    quiet, loaded = (
        each.internet_gb + (0 if demand.interface_endpoints else each.endpoint_gb) for each in (usage, busy)
    )
    yield _assumed("Vpc", "data through NAT", (quiet, loaded), service.nat_gateway_gb)
    if demand.interface_endpoints:
        yield _hourly(
            "Vpc", "interface endpoints", demand.interface_endpoints, service.interface_endpoint_hour
        )
        amounts = (usage.endpoint_gb, busy.endpoint_gb)
        yield _assumed("Vpc", "data through endpoints", amounts, service.interface_endpoint_gb)
    yield _hourly("Gateway", "network load balancer", 1, service.load_balancer_hour)
    yield _hourly(
        "Gateway",
        "load balancer capacity units, assumed",
        usage.capacity_units,
        service.load_balancer_capacity_unit_hour,
    )


def _pool(pool: NodePool, prices: Prices) -> Iterator[Line]:
    component = f"GPU pool {pool.name}" if pool.gpus else "System pool"
    if pool.capacity_type is CapacityType.CAPACITY_BLOCK or pool.reservation:
        how = f"billed with {pool.reservation}"
        yield Line(component=component, item="nodes", how=how, minimum=Decimal(0), maximum=Decimal(0))
    else:
        yield _nodes(component, pool, prices)
    service = prices.services
    disk = f"{pool.disk_gib} GiB x {service.volume_gb_month} USD"
    yield _per_node(component, "node disks", pool, pool.disk_gib * service.volume_gb_month, disk)
    metrics = service.node_metrics_month
    yield _per_node(component, "node metrics, every minute", pool, metrics, f"{metrics} USD")


def _per_node(component: str, item: str, pool: NodePool, price: Decimal, how: str) -> Line:
    return Line(
        component=component,
        item=item,
        how=f"{_range(pool.min_nodes, pool.max_nodes)} x {how}",
        minimum=pool.min_nodes * price,
        maximum=pool.max_nodes * price,
    )


def _nodes(component: str, pool: NodePool, prices: Prices) -> Line:
    """Return the cost of the cheapest type at min and, at max, of the type that makes a full pool dearest."""
    cheapest = min(pool.max_by_type, key=prices.instance)
    dearest = max(pool.max_by_type, key=lambda name: pool.max_by_type[name] * prices.instance(name))
    count = pool.max_by_type[dearest]
    bought = "spot at the on-demand price" if pool.capacity_type is CapacityType.SPOT else "on demand"
    if cheapest == dearest or not pool.min_nodes:
        how = f"{_range(pool.min_nodes, count)} x {prices.instance(dearest)} USD/h"
        item = f"{dearest}, {bought}"
    else:
        how = f"{pool.min_nodes} x {prices.instance(cheapest)} to {count} x {prices.instance(dearest)} USD/h"
        item = f"{cheapest} to {dearest}, {bought}"
    return Line(
        component=component,
        item=item,
        how=how,
        minimum=pool.min_nodes * prices.instance(cheapest) * HOURS,
        maximum=count * prices.instance(dearest) * HOURS,
    )


def _range(low: int, high: int) -> str:
    return str(high) if low == high else f"{low} to {high}"


def _database(database: Database, prices: Prices) -> Iterator[Line]:
    component = "RdsPostgres" if database.engine == "postgres" else "RdsMysql"
    copies = 2 if database.multi_az else 1
    zones = "and its standby" if database.multi_az else "in one zone"
    price = prices.database(database.instance_class)
    yield _hourly(component, f"{database.instance_class} {zones}", copies, price)
    yield _monthly(
        component,
        "storage",
        copies * database.storage_gib,
        prices.services.database_storage_gb_month,
        "GiB",
    )


def _stores(demand: Demand, prices: Prices, usage: Usage) -> Iterator[Line]:
    service = prices.services
    if demand.volumes_gib:
        yield _monthly(
            "Persistent volumes",
            "databases, objects and metrics in the cluster",
            demand.volumes_gib,
            service.volume_gb_month,
            "GiB",
        )
    if demand.buckets:
        buckets = f"{len(demand.buckets)} buckets"
        yield _monthly("S3ObjectStore", buckets, usage.object_gb, service.object_gb_month, "GB assumed")
    yield _monthly("EcrRepositories", "images", usage.image_gb, service.image_gb_month, "GB assumed")
    yield _monthly("Keys", "customer-managed KMS keys", demand.keys, service.key_month, "")


def _logs(demand: Demand, prices: Prices, usage: Usage, busy: Usage) -> Iterator[Line]:
    service = prices.services
    yield _assumed(
        "Logs", "control plane and VPC flows, ingested", (usage.log_gb, busy.log_gb), service.log_gb
    )
    kept = [max(1, -(-each.log_gb * demand.log_days // 30)) for each in (usage, busy)]
    yield _assumed("Logs", f"stored for {demand.log_days} days", (kept[0], kept[1]), service.log_gb_month)


def notes(demand: Demand, prices: Prices) -> Iterator[str]:
    """Yield what depends on traffic: from when endpoints are cheaper than NAT, and what more logs cost."""
    service = prices.services
    saved = service.nat_gateway_gb - service.interface_endpoint_gb
    count = demand.interface_endpoints or len(INTERFACE_ENDPOINTS) * len(demand.zones)
    monthly = (count * service.interface_endpoint_hour * HOURS).quantize(_CENT)
    verb = "cost" if demand.interface_endpoints else "would cost"
    yield (
        f"{count} interface endpoints {verb} {monthly} USD a month and save {saved} USD per GB that would go "
        f"through NAT: cheaper above {int(monthly / saved):,} GB a month, and no AWS traffic on the internet"
    )
    more = _LOG_STEP_GB * service.log_gb
    yield (
        f"each further {_LOG_STEP_GB} GB of logs a month cost {more:.2f} USD to ingest; "
        "`aws logs describe-log-groups` shows the volume that is stored"
    )
