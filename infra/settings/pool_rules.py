"""Rules for node pools and quotas of teams: what AWS or Kueue would refuse much later, or accept silently."""

from collections.abc import Iterator, Sequence

from components.aws import instance_types
from components.aws.instance_types import InstanceType
from components.queues import team_quotas
from infra.settings import gpu_sharing, pool_exclusions, team_sharing
from infra.settings.cluster import CapacityType, EksSettings, SystemPoolSettings
from infra.settings.pools import GpuPoolSettings, MigSharing, Provisioner
from infra.settings.teams import TeamSettings

_FIELD_NAMES = team_quotas.FieldNames(
    pools="gpuPools",
    quota="gpuQuota",
    cpu_quota="cpuQuota",
    borrowing_limit="borrowingLimit",
    cpu_borrowing_limit="cpuBorrowingLimit",
)


def system_pool_problems(pool: SystemPoolSettings) -> list[str]:
    """Return one clause for each mistake in the settings of the system pool."""
    found = list(_size_problems(pool.min, pool.max))
    if pool.capacity_type is CapacityType.CAPACITY_BLOCK:
        found.append("capacityType is CAPACITY_BLOCK, which is for GPUs: use ON_DEMAND or SPOT")
    for name in pool.instance_types:
        known = instance_types.find(name)
        if known is None:
            found.append(f"instanceTypes names {instance_types.unknown(name)}")
        elif known.gpus:
            found.append(f"instanceTypes names {name}, which has GPUs: make it a gpuPools entry")
    return [f"cluster.systemPool.{clause}" for clause in found]


def gpu_pool_problems(pools: Sequence[GpuPoolSettings], cluster: EksSettings) -> list[str]:
    """Return one clause for each GPU pool setting that cannot work on AWS."""
    return [
        f"gpuPools {pool.name}: {clause}"
        for pool in pools
        for problems in (
            _size_problems(pool.min, pool.max),
            _zone_problems(pool, cluster),
            _type_problems(pool),
            pool_exclusions.problems(pool),
            _capacity_problems(pool),
            _sharing_problems(pool),
        )
        for clause in problems
    ]


def queue_problems(pools: Sequence[GpuPoolSettings], teams: Sequence[TeamSettings]) -> list[str]:
    """Return one clause for each mistake in how teams share CPUs and pools; the rules are Kueue's."""
    try:
        translated = gpu_sharing.pools(pools)
    except ValueError:
        # `gpu_pool_problems` names the pool; until it is corrected, nobody can count its devices.
        return []
    return team_quotas.problems(translated, team_sharing.teams(teams), _FIELD_NAMES)


def _size_problems(minimum: int, maximum: int) -> Iterator[str]:
    if minimum > maximum:
        yield f"min is {minimum}, more than max {maximum}: raise max or lower min"


def _zone_problems(pool: GpuPoolSettings, cluster: EksSettings) -> Iterator[str]:
    for zone in pool.zones:
        if zone not in cluster.availability_zones:
            have = ", ".join(cluster.availability_zones)
            yield f"zones names {zone}, which is not a zone of the cluster: choose among {have}"
    single_zone = [
        key
        for key, given in (
            ("efa", pool.efa),
            ("placementGroup", pool.placement_group),
            ("reservation", pool.reservation is not None),
        )
        if given
    ]
    if single_zone and len(pool.zones) != 1:
        yield f"{single_zone[0]} needs all nodes in one zone; zones has {len(pool.zones)}: name exactly one"


def _type_problems(pool: GpuPoolSettings) -> Iterator[str]:
    types: list[InstanceType] = []
    for name in pool.instance_types:
        known = instance_types.find(name)
        if known is None:
            yield f"instanceTypes names {instance_types.unknown(name)}"
        elif not known.gpus:
            yield f"instanceTypes names {name}, which has no GPU: nodes without GPUs are cluster.systemPool"
        else:
            types.append(known)
    models = sorted({each.model for each in types})
    if len(models) > 1:
        yield f"instanceTypes mixes {' and '.join(models)}, but a quota counts one model: make a pool of each"
    counts = sorted({each.gpus for each in types})
    if len(counts) > 1 and pool.provisioner is Provisioner.NODE_GROUP:
        yield (
            f"instanceTypes mixes nodes of {' and '.join(map(str, counts))} GPUs, which the cluster "
            "autoscaler cannot distinguish: make a pool of each, or set provisioner to karpenter"
        )
    without = [each.name for each in types if pool.efa and not each.efa]
    if without:
        yield f"efa is true, but {', '.join(without)} has no EFA: leave out efa, or choose larger types"


def _capacity_problems(pool: GpuPoolSettings) -> Iterator[str]:
    if pool.capacity_type is CapacityType.CAPACITY_BLOCK and not pool.reservation:
        yield "capacityType is CAPACITY_BLOCK without reservation: name the capacity block, cr-..."
    if pool.reservation and len(pool.instance_types) != 1:
        count = len(pool.instance_types)
        yield f"reservation is for one instance type; instanceTypes has {count}: name exactly one"


def _sharing_problems(pool: GpuPoolSettings) -> Iterator[str]:
    if not isinstance(pool.sharing, MigSharing):
        return
    for name in pool.instance_types:
        known = instance_types.find(name)
        if known is None or not known.gpus:
            continue
        if not known.mig_capable:
            yield f"sharing is mig, but {known.model} of {name} has no MIG: use timeSlicing, or leave it out"
        elif pool.sharing.profile not in known.mig_profiles:
            have = ", ".join(known.mig_profiles)
            yield f"sharing.profile is {pool.sharing.profile}; {known.model} of {name} has {have}"
