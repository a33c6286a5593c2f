"""GPU pools and the teams that share them, and the Kueue objects that follow from both: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
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


def problems(pools: Sequence[GpuPool], teams: Sequence[GpuTeam]) -> list[str]:
    """Return one clause for everything that Kueue would take silently and that would never work."""
    known = {pool.name: pool for pool in pools}
    found = [f"pools has {name!r} twice" for name in _twice(pool.name for pool in pools)]
    found += [f"teams has {name!r} twice" for name in _twice(team.name for team in teams)]
    for team in teams:
        have = ", ".join(sorted(known)) or "none"
        found += [
            f"team {team.name}: quota names pool {name!r}; there are {have}"
            for name in team.quota
            if name not in known
        ]
    for pool in known.values():
        given = sum(team.quota.get(pool.name, 0) for team in teams)
        if given > pool.devices:
            found.append(f"quotas give away {given} devices of pool {pool.name!r}, which has {pool.devices}")
        users = [team.name for team in teams if pool.name in team.quota]
        if pool.one_team_only and len(users) > 1:
            found.append(
                f"pool {pool.name!r} is time-sliced, which isolates no memory, and shared by "
                f"{' and '.join(users)}: give each a pool of its own, or use mig"
            )
    return found


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]


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
