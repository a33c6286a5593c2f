"""Finds servers that the loss of one node stops: in production there are none but those listed here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from simulation.aws.planned import PlannedResource

# Name of a workload -> why it runs alone in production too.
ALONE: Final[Mapping[str, str]] = {
    "delivery": "without it shares stay as they are, and Alertmanager sends its alerts again",
    "monitoring-grafana": "its sessions are in a file of its own, so a second one would log users out",
    "monitoring-teams": "there is one Prometheus behind it, which is as alone",
    "metadata-grpc": "it serialises writes itself, so two would corrupt the lineage",
}
_WORKLOADS: Final = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")
_BUDGET: Final = "kubernetes:policy/v1:PodDisruptionBudget"
_SERVICE: Final = "kubernetes:core/v1:Service"
_ROLES: Final = (
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
)
_ZONE: Final = "topology.kubernetes.io/zone"


def find_alone(resources: Sequence[PlannedResource]) -> Iterator[tuple[PlannedResource, str]]:
    """Yield each workload that is needed all the time and would be gone with one node, and why.

    Needed all the time is what a Service selects, because somebody calls it, and what may hold a lease,
    because it acts for the whole cluster and can have a stand-by.
    """
    for each in _needed(resources):
        if _name(each) not in ALONE:
            yield from ((each, reason) for reason in _faults(each, resources))


def unneeded_exceptions(resources: Sequence[PlannedResource]) -> set[str]:
    """Return the exceptions for workloads that do not exist, or would pass."""
    return ALONE.keys() - {_name(each) for each in _needed(resources) if [*_faults(each, resources)]}


def _needed(resources: Sequence[PlannedResource]) -> list[PlannedResource]:
    services = [each.inputs["spec"].get("selector") for each in resources if each.token == _SERVICE]
    accounts = _lease_holders(resources)
    return [
        each
        for each in resources
        if each.token in _WORKLOADS
        if any(selector and _selects(selector, each) for selector in services)
        or _pod(each)["spec"].get("serviceAccountName") in accounts
    ]


def _faults(workload: PlannedResource, resources: Iterable[PlannedResource]) -> Iterator[str]:
    spec = workload.inputs["spec"]
    if int(spec.get("replicas", 1)) < 2:
        yield "has one replica"
    if spec.get("strategy", {}).get("type") == "Recreate":
        yield "stops every replica before it starts a new one"
    constraints = _pod(workload)["spec"].get("topologySpreadConstraints") or []
    if not any(
        each["topologyKey"] == _ZONE and _selects(each["labelSelector"], workload) for each in constraints
    ):
        yield "may have all replicas in one zone"
    budgets = [each.inputs["spec"] for each in resources if each.token == _BUDGET]
    if not any(_selects(each["selector"], workload) for each in budgets):
        yield "has no budget, so a drain may stop all replicas at once"


def _lease_holders(resources: Sequence[PlannedResource]) -> set[str]:
    """Return the service accounts that may renew a lease."""
    roles = {
        _name(each)
        for each in resources
        if each.token in _ROLES
        for rule in each.inputs.get("rules") or []
        if "leases" in rule.get("resources", []) and "update" in rule["verbs"]
    }
    return {
        str(subject["name"])
        for each in resources
        if each.token.endswith("RoleBinding") and each.inputs["roleRef"]["name"] in roles
        for subject in each.inputs["subjects"]
    }


def _selects(selector: Mapping[str, Any], workload: PlannedResource) -> bool:
    labels: Mapping[str, str] = _pod(workload)["metadata"]["labels"]
    wanted: Mapping[str, str] = selector.get("matchLabels", selector)
    return wanted.items() <= labels.items()


def _pod(workload: PlannedResource) -> Mapping[str, Any]:
    return workload.inputs["spec"]["template"]


def _name(resource: PlannedResource) -> str:
    return str(resource.inputs["metadata"]["name"])
