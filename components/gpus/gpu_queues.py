"""GPU pools and the teams that share them, and the Kueue objects that follow from both: pure functions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

GPU_RESOURCE: Final = "nvidia.com/gpu"
# Nodes of a pool carry all three; who starts the nodes (node group or Karpenter) sets them.
POOL_LABEL: Final = "plinth.dev/gpu-pool"
TAINT: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
TOLERATION: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}
TEAM_LABEL: Final = "plinth.dev/team"
# Whatever asks for a GPU without naming a queue goes to the queue of this name in its namespace.
LOCAL_QUEUE: Final = "default"
COHORT: Final = "gpus"
_API: Final = "kueue.x-k8s.io/v1beta2"


@dataclass(frozen=True, kw_only=True)
class Mig:
    """Each GPU cut into isolated devices of one profile."""

    profile: str
    """As NVIDIA names it, such as `1g.10gb`."""


@dataclass(frozen=True, kw_only=True)
class TimeSlicing:
    """Each GPU lent to several pods in turn, which share its memory."""

    replicas: int
    """Pods per GPU."""


@dataclass(frozen=True, kw_only=True)
class GpuPool:
    """Nodes with GPUs of one kind."""

    name: str
    """Value of the pool's node label."""
    devices_per_node: int
    """How many `nvidia.com/gpu` a node offers, sharing included."""
    max_nodes: int
    """The most nodes it grows to."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; whole if not given."""

    @property
    def devices(self) -> int:
        """What the full pool offers."""
        return self.devices_per_node * self.max_nodes

    @property
    def one_team_only(self) -> bool:
        """Whether its devices share memory, which never happens across teams."""
        return isinstance(self.sharing, TimeSlicing)


@dataclass(frozen=True, kw_only=True)
class GpuTeam:
    """Who shares the pools."""

    name: str
    """Name of the team, its namespace and its ClusterQueue."""
    quota: Mapping[str, int] = field(default_factory=dict[str, int])
    """Pool -> devices that are the team's whenever it wants them; 0 means borrowed ones alone."""
    borrowing: bool = True
    """Whether it may use what others leave idle, in the pools that `quota` names."""
    borrowing_limit: int | None = None
    """At most so many devices of each pool beyond its own; without it all that are idle."""


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """Names of the fields in the users' configuration, so that an error names what a user wrote."""

    pools: str = "pools"
    teams: str = "teams"
    quota: str = "quota"
    borrowing: str = "borrowing"
    borrowing_limit: str = "borrowing_limit"


def problems(
    pools: Sequence[GpuPool], teams: Sequence[GpuTeam], names: FieldNames = FieldNames()
) -> list[str]:
    """Return one clause for each mistake that Kueue would accept silently and that could never work."""
    known = {pool.name: pool for pool in pools}
    found = [
        f"{field} lists {name!r} twice: give each a name of its own"
        for field, listed in ((names.pools, pools), (names.teams, teams))
        for name in _duplicates(each.name for each in listed)
    ]
    for team in teams:
        found += [f"{names.teams} {team.name}: {clause}" for clause in _team_problems(team, known, names)]
    for pool in known.values():
        assigned = sum(team.quota.get(pool.name, 0) for team in teams)
        if assigned > pool.devices:
            found.append(
                f"{names.teams}: quotas assign {assigned} devices of pool {pool.name!r}, which has "
                f"{pool.devices} at its max: raise max or lower the quotas"
            )
        users = [team.name for team in teams if pool.name in team.quota]
        if pool.one_team_only and len(users) > 1:
            found.append(
                f"{names.teams}: {' and '.join(users)} share pool {pool.name!r}, whose time slices "
                "isolate no memory: give each a pool of its own, or use mig"
            )
    return found


def _team_problems(team: GpuTeam, pools: Mapping[str, GpuPool], names: FieldNames) -> Iterator[str]:
    have = ", ".join(sorted(pools)) or "none"
    for name in team.quota:
        if name not in pools:
            yield f"{names.quota} names pool {name!r}; {names.pools} has {have}"
    if team.borrowing_limit is not None and not team.borrowing:
        yield f"{names.borrowing_limit} needs {names.borrowing}: true; leave out one of them"


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def flavor_spec(pool: GpuPool) -> dict[str, Any]:
    """Return the ResourceFlavor of a pool: what is admitted to it goes to its nodes and tolerates them."""
    return {
        "nodeLabels": {POOL_LABEL: pool.name},
        "nodeTaints": [dict(TAINT)],
        "tolerations": [dict(TOLERATION)],
    }


def cluster_queue_spec(team: GpuTeam, pools: Sequence[GpuPool]) -> dict[str, Any]:
    """Return a team's ClusterQueue: its quota in each of its pools, and what it may borrow and lends."""
    flavors = [
        {"name": pool.name, "resources": [_quota(team, pool)]} for pool in pools if pool.name in team.quota
    ]
    return {
        "cohortName": COHORT,
        "namespaceSelector": {"matchLabels": {TEAM_LABEL: team.name}},
        "resourceGroups": [{"coveredResources": [GPU_RESOURCE], "flavors": flavors}] if flavors else [],
        # What is the team's own comes first, in whichever of its pools.
        "flavorFungibility": {"whenCanBorrow": "TryNextFlavor", "whenCanPreempt": "TryNextFlavor"},
        "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
    }


def _quota(team: GpuTeam, pool: GpuPool) -> dict[str, Any]:
    quota: dict[str, Any] = {"name": GPU_RESOURCE, "nominalQuota": str(team.quota[pool.name])}
    if pool.one_team_only:
        return {**quota, "borrowingLimit": "0", "lendingLimit": "0"}
    if not team.borrowing:
        return {**quota, "borrowingLimit": "0"}
    return quota if team.borrowing_limit is None else {**quota, "borrowingLimit": str(team.borrowing_limit)}


def cohort_spec(pools: Sequence[GpuPool], teams: Sequence[GpuTeam]) -> dict[str, Any]:
    """Return the cohort of all teams: the devices that no quota gives away are there to be borrowed."""
    flavors: list[dict[str, Any]] = []
    for pool in pools:
        left = pool.devices - sum(team.quota.get(pool.name, 0) for team in teams)
        if left > 0 and not pool.one_team_only:
            resource = {"name": GPU_RESOURCE, "nominalQuota": str(left)}
            flavors.append({"name": pool.name, "resources": [resource]})
    return {"resourceGroups": [{"coveredResources": [GPU_RESOURCE], "flavors": flavors}]} if flavors else {}


def local_queue_spec(team: str) -> dict[str, Any]:
    """Return the LocalQueue of a team's namespace."""
    return {"clusterQueue": team}


def objects(pools: Sequence[GpuPool], teams: Sequence[GpuTeam]) -> list[dict[str, Any]]:
    """Return every cluster-wide object, in the order in which Kueue wants them."""
    return [
        *(_object("ResourceFlavor", pool.name, flavor_spec(pool)) for pool in pools),
        _object("Cohort", COHORT, cohort_spec(pools, teams)),
        *(_object("ClusterQueue", team.name, cluster_queue_spec(team, pools)) for team in teams),
    ]


def local_queue(team: str) -> dict[str, Any]:
    """Return the queue of a team's namespace, which is named after the team."""
    made = _object("LocalQueue", LOCAL_QUEUE, local_queue_spec(team))
    return {**made, "metadata": {"name": LOCAL_QUEUE, "namespace": team}}


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}
