"""GPU pools, the teams that share them, and the Kueue objects derived from both: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components.shapes.labels import TEAM_LABEL

GPU_RESOURCE: Final = "nvidia.com/gpu"
# Nodes of a pool carry label and taint; the node group or Karpenter sets them.
POOL_LABEL: Final = "plinth.dev/gpu-pool"
TAINT: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
TOLERATION: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}
# A workload that requests a GPU and names no queue goes to the queue of this name in its namespace.
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
    """Each GPU used by several pods in turn; they share its memory."""

    replicas: int
    """Pods per GPU."""


@dataclass(frozen=True, kw_only=True)
class GpuPool:
    """Nodes with GPUs of one kind."""

    name: str
    """Value of the pool's node label."""
    devices_per_node: int
    """Number of `nvidia.com/gpu` that a node offers, with sharing."""
    max_nodes: int
    """Largest number of nodes."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; by default it is not."""

    @property
    def devices(self) -> int:
        """Number of devices of the pool at its largest."""
        return self.devices_per_node * self.max_nodes

    @property
    def one_team_only(self) -> bool:
        """Whether its devices share memory, which teams never do."""
        return isinstance(self.sharing, TimeSlicing)


@dataclass(frozen=True, kw_only=True)
class GpuTeam:
    """A team that uses the pools."""

    name: str
    """Name of the team, its namespace and its ClusterQueue."""
    quota: Mapping[str, int] = field(default_factory=dict[str, int])
    """Guaranteed devices by pool; with 0 the team can only borrow."""
    borrowing: bool = True
    """Whether it may use idle devices of others, in the pools that `quota` names."""
    borrowing_limit: int | None = None
    """Largest number of borrowed devices per pool; by default all that are idle."""


def problems(pools: Sequence[GpuPool], teams: Sequence[GpuTeam]) -> list[str]:
    """Return a clause for each mistake that Kueue would accept although it could never work."""
    known = {pool.name: pool for pool in pools}
    clauses = [f"pools has {name!r} twice" for name in _duplicates(pool.name for pool in pools)]
    clauses += [f"teams has {name!r} twice" for name in _duplicates(team.name for team in teams)]
    for team in teams:
        have = ", ".join(sorted(known)) or "none"
        clauses += [
            f"team {team.name}: quota names pool {name!r}; there are {have}"
            for name in team.quota
            if name not in known
        ]
    for pool in known.values():
        given = sum(team.quota.get(pool.name, 0) for team in teams)
        if given > pool.devices:
            clauses.append(
                f"quotas give away {given} devices of pool {pool.name!r}, which has {pool.devices}"
            )
        users = [team.name for team in teams if pool.name in team.quota]
        if pool.one_team_only and len(users) > 1:
            clauses.append(
                f"pool {pool.name!r} is time-sliced, which isolates no memory, and shared by "
                f"{' and '.join(users)}: give each a pool of its own, or use mig"
            )
    return clauses


def _duplicates(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]


def flavor_spec(pool: GpuPool) -> dict[str, Any]:
    """Return the ResourceFlavor of a pool: admitted pods select its nodes and tolerate their taint."""
    return {
        "nodeLabels": {POOL_LABEL: pool.name},
        "nodeTaints": [dict(TAINT)],
        "tolerations": [dict(TOLERATION)],
    }


def cluster_queue_spec(team: GpuTeam, pools: Sequence[GpuPool]) -> dict[str, Any]:
    """Return a team's ClusterQueue: per pool its quota, and how much it may borrow and lends."""
    flavors = [
        {"name": pool.name, "resources": [_quota(team, pool)]} for pool in pools if pool.name in team.quota
    ]
    return {
        "cohortName": COHORT,
        "namespaceSelector": {"matchLabels": {TEAM_LABEL: team.name}},
        "resourceGroups": [{"coveredResources": [GPU_RESOURCE], "flavors": flavors}] if flavors else [],
        # The team's own quota is used first, in whichever of its pools.
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


def objects(pools: Sequence[GpuPool], teams: Sequence[GpuTeam]) -> list[dict[str, Any]]:
    """Return every cluster-wide object, in the order in which Kueue needs them."""
    return [
        *(_object("ResourceFlavor", pool.name, flavor_spec(pool)) for pool in pools),
        _object("Cohort", COHORT, cohort_spec(pools, teams)),
        *(_object("ClusterQueue", team.name, cluster_queue_spec(team, pools)) for team in teams),
    ]


def local_queue(team: str) -> dict[str, Any]:
    """Return the LocalQueue of a team's namespace, which is named after the team."""
    queue = _object("LocalQueue", LOCAL_QUEUE, local_queue_spec(team))
    return {**queue, "metadata": {"name": LOCAL_QUEUE, "namespace": team}}


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}
