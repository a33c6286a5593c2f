"""GPU pools, the teams that share them, and the Kueue objects derived from both: pure functions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components.shapes.labels import TEAM_LABEL

GPU_RESOURCE: Final = "nvidia.com/gpu"
# An Elastic Fabric Adapter of AWS, for training across nodes.
EFA_RESOURCE: Final = "vpc.amazonaws.com/efa"
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
    return clauses


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
