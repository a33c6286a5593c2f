"""GPU pools and teams that cannot work: what AWS or Kueue would refuse much later, or never say."""

from collections import Counter
from collections.abc import Iterator, Sequence

from components.aws import instance_types
from components.aws.instance_types import InstanceType
from infra.settings.cluster import CapacityType, EksSettings
from infra.settings.pools import GpuPoolSettings, MigSharing, Provisioner, TeamSettings, TimeSlicing


def pool_problems(pools: Sequence[GpuPoolSettings], cluster: EksSettings) -> list[str]:
    """Return one clause for everything that is wrong with the pools."""
    found = [f"gpuPools has {name!r} twice: give each pool a name of its own" for name in _twice(pools)]
    for pool in pools:
        clauses = [*_sizes(pool), *_zones(pool, cluster), *_types(pool), *_capacity(pool), *_sharing(pool)]
        found += [f"gpuPools {pool.name}: {clause}" for clause in clauses]
    return found


def team_problems(teams: Sequence[TeamSettings], pools: Sequence[GpuPoolSettings]) -> list[str]:
    """Return one clause for everything that is wrong with the teams."""
    found = [f"teams has {name!r} twice: give each team a name of its own" for name in _twice(teams)]
    known = {pool.name: pool for pool in pools}
    asked: Counter[str] = Counter()
    for team in teams:
        asked.update(team.gpu_quota)
        for name in team.gpu_quota:
            if name not in known:
                have = ", ".join(sorted(known)) or "none"
                found.append(f"teams {team.name}: gpuQuota names pool {name!r}; gpuPools has {have}")
        if team.borrowing_limit is not None and not team.borrowing:
            found.append(f"teams {team.name}: borrowingLimit needs borrowing: true; leave out one of them")
    for name, pool in known.items():
        users = [team.name for team in teams if name in team.gpu_quota]
        if isinstance(pool.sharing, TimeSlicing) and len(users) > 1:
            found.append(
                f"teams: {' and '.join(users)} share pool {name!r}, whose timeSlicing isolates no memory: "
                "give each a pool of its own, or use mig"
            )
    for name, devices in asked.items():
        if name in known and (most := most_devices(known[name])) is not None and devices > most:
            found.append(
                f"teams: quotas give away {devices} GPUs of pool {name!r}, which has {most} at its max: "
                "raise max or lower the quotas"
            )
    return found


def devices_per_node(pool: GpuPoolSettings) -> int | None:
    """Return how many `nvidia.com/gpu` a node of the pool offers, the fewest if its types differ."""
    types = [each for name in pool.instance_types if (each := instance_types.find(name))]
    if not types:
        return None
    match pool.sharing:
        case MigSharing(profile=profile):
            factor = types[0].mig_profiles.get(profile, 1)
        case TimeSlicing(replicas=replicas):
            factor = replicas
        case None:
            factor = 1
    return min(each.gpus for each in types) * factor


def most_devices(pool: GpuPoolSettings) -> int | None:
    """Return how many `nvidia.com/gpu` the pool surely has when it is full."""
    devices = devices_per_node(pool)
    return None if devices is None else devices * pool.max


def _twice(named: Sequence[GpuPoolSettings] | Sequence[TeamSettings]) -> list[str]:
    return [name for name, count in Counter(each.name for each in named).items() if count > 1]


def _sizes(pool: GpuPoolSettings) -> Iterator[str]:
    if pool.min > pool.max:
        yield f"min is {pool.min}, more than max {pool.max}: raise max or lower min"
    if pool.min and pool.provisioner is Provisioner.KARPENTER:
        yield f"min is {pool.min}; Karpenter keeps no idle nodes: set min to 0 or provisioner to nodeGroup"


def _zones(pool: GpuPoolSettings, cluster: EksSettings) -> Iterator[str]:
    for zone in pool.zones:
        if zone not in cluster.availability_zones:
            have = ", ".join(cluster.availability_zones)
            yield f"zones names {zone}, which is not a zone of the cluster ({have})"
    close = [
        key
        for key, given in (
            ("efa", pool.efa),
            ("placementGroup", pool.placement_group),
            ("reservation", pool.reservation is not None),
        )
        if given
    ]
    if close and len(pool.zones) != 1:
        yield f"{close[0]} needs all nodes in one zone; zones has {len(pool.zones)}: name exactly one"


def _types(pool: GpuPoolSettings) -> Iterator[str]:
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
        yield f"instanceTypes mixes {' and '.join(models)}, and a quota counts one kind: make a pool of each"
    counts = sorted({each.gpus for each in types})
    if len(counts) > 1 and pool.provisioner is Provisioner.NODE_GROUP:
        yield (
            f"instanceTypes mixes nodes of {' and '.join(map(str, counts))} GPUs, which the autoscaler "
            "cannot tell apart: make a pool of each, or set provisioner to karpenter"
        )
    without = [each.name for each in types if pool.efa and not each.efa]
    if without:
        yield f"efa is true, but {', '.join(without)} has no EFA: leave out efa, or choose larger types"


def _capacity(pool: GpuPoolSettings) -> Iterator[str]:
    if pool.reservation and pool.capacity_type is CapacityType.SPOT:
        yield "reservation with capacityType SPOT: reserved is not spot, use ON_DEMAND or CAPACITY_BLOCK"
    if pool.capacity_type is CapacityType.CAPACITY_BLOCK and not pool.reservation:
        yield "capacityType is CAPACITY_BLOCK without reservation: name the capacity block, cr-..."
    if pool.reservation and len(pool.instance_types) != 1:
        count = len(pool.instance_types)
        yield f"reservation is for one instance type; instanceTypes has {count}: name exactly one"
    if pool.placement_group and pool.provisioner is Provisioner.KARPENTER:
        yield "placementGroup is for node groups: leave it out, or set provisioner to nodeGroup"


def _sharing(pool: GpuPoolSettings) -> Iterator[str]:
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
