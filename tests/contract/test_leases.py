"""A controller that elects its leader does so where it has rights to the lease.

Elsewhere it would wait for ever, while its health check says that all is well.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from simulation.aws.planned import PlannedResource
from tests.fixtures import planned

_DEPLOYMENT = "kubernetes:apps/v1:Deployment"
_GROUP = "kubernetes:rbac.authorization.k8s.io/v1:"
# How programs are told a namespace for their lease.
_TELLING = ("--namespace=", "--leader-election-namespace=", "SYSTEM_NAMESPACE=", "LEADER_ELECTION_NAMESPACE=")
# Where they hold it unless they are told; all others do in the namespace of their pod.
_UNTOLD = {"cluster-autoscaler": "kube-system"}
_EVERYWHERE = ""


def electing_without_rights(objects: Sequence[PlannedResource]) -> list[str]:
    """Return one clause for each controller with rights to leases in other namespaces than it uses."""
    found: list[str] = []
    for each in objects:
        if each.token == _DEPLOYMENT:
            allowed = {*_with_leases(each, objects)}
            used = _namespace_of_its_lease(each)
            if allowed and not allowed & {used, _EVERYWHERE}:
                found.append(
                    f"{each.name} takes its lease in {used}, with rights in {', '.join(allowed)} alone"
                )
    return found


def _namespace_of_its_lease(deployment: PlannedResource) -> str:
    pod: Mapping[str, Any] = deployment.inputs["spec"]["template"]["spec"]
    for container in pod["containers"]:
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        told = [*words, *(f"{one['name']}={one.get('value')}" for one in container.get("env") or [])]
        for text in told:
            if text.startswith(_TELLING):
                return text.partition("=")[2]
        for word in words:
            if (program := word.rpartition("/")[2]) in _UNTOLD:
                return _UNTOLD[program]
    return deployment.inputs["metadata"]["namespace"]


def _with_leases(deployment: PlannedResource, objects: Sequence[PlannedResource]) -> Iterator[str]:
    """Yield the namespaces in which a controller may take a lease; an empty one stands for all."""
    account = (
        deployment.inputs["metadata"]["namespace"],
        deployment.inputs["spec"]["template"]["spec"].get("serviceAccountName"),
    )
    for binding in objects:
        if binding.token not in (f"{_GROUP}RoleBinding", f"{_GROUP}ClusterRoleBinding"):
            continue
        subjects = [(one.get("namespace"), one["name"]) for one in binding.inputs["subjects"]]
        scope = binding.inputs["metadata"].get("namespace", _EVERYWHERE)
        if account in subjects and _grants_leases(binding.inputs["roleRef"], scope, objects):
            yield scope


def _grants_leases(reference: Mapping[str, str], namespace: str, objects: Sequence[PlannedResource]) -> bool:
    for role in objects:
        if role.token != f"{_GROUP}{reference['kind']}":
            continue
        metadata: Mapping[str, Any] = role.inputs["metadata"]
        here = reference["kind"] == "ClusterRole" or metadata.get("namespace") == namespace
        if here and metadata["name"] == reference["name"]:
            return any(
                "leases" in rule.get("resources", []) and "create" in rule["verbs"]
                for rule in role.inputs.get("rules") or []
            )
    return False


@pytest.mark.parametrize("stack", ["dev", "staging", "prod", "local"])
def test_a_controller_takes_its_lease_where_it_has_rights(stack: str) -> None:
    objects = planned.of_stack(stack).elsewhere
    assert electing_without_rights(objects) == []
    electing = [each.name for each in objects if each.token == _DEPLOYMENT and [*_with_leases(each, objects)]]
    assert electing, "the test found no controller that elects"
