"""What teams are guaranteed of CPUs and GPU pools, and the Kueue objects that say so: pure functions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL, TAINT, TOLERATION, GpuPool
from components.shapes.labels import TEAM_LABEL

CPU_RESOURCE: Final = "cpu"
# The flavor of CPUs. It names no nodes: a pod with a quota of CPUs may run on every node that it tolerates.
CPU_FLAVOR: Final = "cpus"
# What a team without a quota of CPUs has: it does not wait for them, and has none to lend.
UNBOUNDED_CPUS: Final = 1_000_000
# A workload that queues and names no queue goes to the queue of this name in its namespace.
LOCAL_QUEUE: Final = "default"
_API: Final = "kueue.x-k8s.io/v1beta2"


@dataclass(frozen=True, kw_only=True)
class QueuedTeam:
    """A team and what its queue admits."""

    name: str
    """Name of the team, its namespace and its ClusterQueue."""
    quota: Mapping[str, int] = field(default_factory=dict[str, int])
    """Guaranteed devices by pool; with 0 the team can only borrow."""
    cpu_quota: float | None = None
    """Guaranteed CPUs; with 0 the team can only borrow, and by default its work does not queue for CPUs."""
    borrowing: bool = True
    """Whether it may use what others leave idle: CPUs, and devices in the pools that `quota` names."""
    borrowing_limit: int | None = None
    """Largest number of borrowed devices per pool; by default all that are idle."""
    cpu_borrowing_limit: float | None = None
    """Largest number of borrowed CPUs; by default all that are idle."""


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """Names of the fields in the users' configuration, so that an error names what a user wrote."""

    pools: str = "pools"
    teams: str = "teams"
    quota: str = "quota"
    cpu_quota: str = "cpu_quota"
    borrowing: str = "borrowing"
    borrowing_limit: str = "borrowing_limit"
    cpu_borrowing_limit: str = "cpu_borrowing_limit"


def problems(
    pools: Sequence[GpuPool], teams: Sequence[QueuedTeam], names: FieldNames = FieldNames()
) -> list[str]:
    """Return one clause for each mistake that Kueue would accept silently and that could never work."""
    known = {pool.name: pool for pool in pools}
    clauses = [
        f"{field} lists {name!r} twice: give each a name of its own"
        for field, listed in ((names.pools, pools), (names.teams, teams))
        for name in _duplicates(each.name for each in listed)
    ]
    for team in teams:
        clauses += [f"{names.teams} {team.name}: {clause}" for clause in _team_problems(team, known, names)]
    for pool in known.values():
        assigned = sum(team.quota.get(pool.name, 0) for team in teams)
        if assigned > pool.devices:
            clauses.append(
                f"{names.teams}: quotas assign {assigned} devices of pool {pool.name!r}, which has "
                f"{pool.devices} at its max: raise max or lower the quotas"
            )
        users = [team.name for team in teams if pool.name in team.quota]
        if pool.one_team_only and len(users) > 1:
            clauses.append(
                f"{names.teams}: {' and '.join(users)} share pool {pool.name!r}, whose time slices "
                "isolate no memory: give each a pool of its own, or use mig"
            )
    if CPU_FLAVOR in known and share_cpus(teams):
        clauses.append(
            f"{names.pools} has a pool {CPU_FLAVOR!r}, as the CPUs of teams are called in their queues: "
            "choose another name"
        )
    return clauses


def _team_problems(team: QueuedTeam, pools: Mapping[str, GpuPool], names: FieldNames) -> Iterator[str]:
    have = ", ".join(sorted(pools)) or "none"
    for name in team.quota:
        if name not in pools:
            yield f"{names.quota} names pool {name!r}; {names.pools} has {have}"
    for name, limit in (
        (names.borrowing_limit, team.borrowing_limit),
        (names.cpu_borrowing_limit, team.cpu_borrowing_limit),
    ):
        if limit is not None and not team.borrowing:
            yield f"{name} needs {names.borrowing}: true; leave out one of them"
    if team.cpu_borrowing_limit is not None and team.cpu_quota is None:
        yield (
            f"{names.cpu_borrowing_limit} needs {names.cpu_quota}, without which CPUs are not counted: "
            f"give the team a {names.cpu_quota}, if only 0"
        )


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def share_cpus(teams: Sequence[QueuedTeam]) -> bool:
    """Return whether quotas count CPUs at all; where no team has such a quota, they do not."""
    return any(team.cpu_quota is not None for team in teams)


def cohort_name(pools: Sequence[GpuPool]) -> str:
    """Return the name of the cohort in which teams borrow from each other."""
    return "gpus" if pools else "teams"


def pool_flavor_spec(pool: GpuPool) -> dict[str, Any]:
    """Return the ResourceFlavor of a pool: admitted pods select its nodes and tolerate their taint."""
    return {
        "nodeLabels": {POOL_LABEL: pool.name},
        "nodeTaints": [dict(TAINT)],
        "tolerations": [dict(TOLERATION)],
    }


def cluster_queue_spec(
    team: QueuedTeam, pools: Sequence[GpuPool], *, count_cpus: bool = False
) -> dict[str, Any]:
    """Return a team's ClusterQueue: per flavor its quota, and how much it may borrow and lends.

    Args:
        team: the team.
        pools: all pools.
        count_cpus: whether any team of the stack has a quota of CPUs. A workload that requests what its
            queue does not cover waits for ever, so that every queue then covers CPUs.
    """
    flavors = [
        {"name": pool.name, "resources": [_quota(team, pool)]} for pool in pools if pool.name in team.quota
    ]
    groups = [{"coveredResources": [GPU_RESOURCE], "flavors": flavors}] if flavors else []
    if count_cpus:
        cpus = {"name": CPU_FLAVOR, "resources": [_cpu_quota(team)]}
        groups.append({"coveredResources": [CPU_RESOURCE], "flavors": [cpus]})
    return {
        "cohortName": cohort_name(pools),
        "namespaceSelector": {"matchLabels": {TEAM_LABEL: team.name}},
        "resourceGroups": groups,
        # The team's own quota is used first, in whichever of its pools.
        "flavorFungibility": {"whenCanBorrow": "TryNextFlavor", "whenCanPreempt": "TryNextFlavor"},
        "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
    }


def _quota(team: QueuedTeam, pool: GpuPool) -> dict[str, Any]:
    quota: dict[str, Any] = {"name": GPU_RESOURCE, "nominalQuota": str(team.quota[pool.name])}
    if pool.one_team_only:
        return {**quota, "borrowingLimit": "0", "lendingLimit": "0"}
    if not team.borrowing:
        return {**quota, "borrowingLimit": "0"}
    return quota if team.borrowing_limit is None else {**quota, "borrowingLimit": str(team.borrowing_limit)}


def _cpu_quota(team: QueuedTeam) -> dict[str, Any]:
    if team.cpu_quota is None:
        bounds = {"borrowingLimit": "0", "lendingLimit": "0"}
        return {"name": CPU_RESOURCE, "nominalQuota": _cpus(UNBOUNDED_CPUS), **bounds}
    quota: dict[str, Any] = {"name": CPU_RESOURCE, "nominalQuota": _cpus(team.cpu_quota)}
    limit = team.cpu_borrowing_limit if team.borrowing else 0
    return quota if limit is None else {**quota, "borrowingLimit": _cpus(limit)}


def _cpus(number: float) -> str:
    """Return a number of CPUs as the API server writes it: whole, or in thousandths."""
    thousandths = round(number * 1000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)


def cohort_spec(pools: Sequence[GpuPool], teams: Sequence[QueuedTeam]) -> dict[str, Any]:
    """Return the cohort of all teams; devices not assigned to any team form its shared, borrowable pool."""
    flavors: list[dict[str, Any]] = []
    for pool in pools:
        left = pool.devices - sum(team.quota.get(pool.name, 0) for team in teams)
        if left > 0 and not pool.one_team_only:
            resource = {"name": GPU_RESOURCE, "nominalQuota": str(left)}
            flavors.append({"name": pool.name, "resources": [resource]})
    return {"resourceGroups": [{"coveredResources": [GPU_RESOURCE], "flavors": flavors}]} if flavors else {}


def local_queue_spec(team: str) -> dict[str, Any]:
    """Return the spec of a team's LocalQueue, which leads to the team's ClusterQueue."""
    return {"clusterQueue": team}


def objects(pools: Sequence[GpuPool], teams: Sequence[QueuedTeam]) -> list[dict[str, Any]]:
    """Return every cluster-wide object, in the order in which Kueue needs them."""
    count_cpus = share_cpus(teams)
    return [
        *(_object("ResourceFlavor", pool.name, pool_flavor_spec(pool)) for pool in pools),
        *([_object("ResourceFlavor", CPU_FLAVOR, {})] if count_cpus else []),
        _object("Cohort", cohort_name(pools), cohort_spec(pools, teams)),
        *(
            _object("ClusterQueue", team.name, cluster_queue_spec(team, pools, count_cpus=count_cpus))
            for team in teams
        ),
    ]


def local_queue(team: str) -> dict[str, Any]:
    """Return the LocalQueue of a team's namespace, which is named after the team."""
    queue = _object("LocalQueue", LOCAL_QUEUE, local_queue_spec(team))
    return {**queue, "metadata": {"name": LOCAL_QUEUE, "namespace": team}}


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}
