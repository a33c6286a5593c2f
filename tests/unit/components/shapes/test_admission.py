from typing import Literal

import pulumi
import pytest

from components.shapes import admission
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy
from tests.unit.components import rules

SPEC = {"failurePolicy": "Fail"}


class Guard(pulumi.ComponentResource):
    def __init__(self, kind: Literal["Mutating", "Validating"]) -> None:
        super().__init__("plinth:index:Guard", "guard")
        owner = Owner(component="guard", namespace="place", labels={"a": "b"}, selector={}, parent=self)
        admission.deploy(owner, kind, "guarded", SPEC)


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("Mutating", {"policyName": "guarded"}),
        ("Validating", {"policyName": "guarded", "validationActions": ["Deny"]}),
    ],
)
def test_a_policy_is_bound_once_it_is_there(
    kind: Literal["Mutating", "Validating"], bound: dict[str, object]
) -> None:
    deployment = deploy(lambda: Guard(kind))
    policy = deployment.one(f"kubernetes:{admission.API}:{kind}AdmissionPolicy")
    binding = deployment.one(f"kubernetes:{admission.API}:{kind}AdmissionPolicyBinding")
    assert (policy.inputs["spec"], binding.inputs["spec"]) == (SPEC, bound)
    assert policy.inputs["metadata"] == {"name": "guarded", "labels": {"a": "b"}}
    assert policy.name in rules.before(deployment, binding)


def test_only_the_creation_of_pods_is_looked_at_in_one_namespace() -> None:
    constraints = admission.created_pods_in("runs")
    assert constraints["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "runs"}}
    (rule,) = constraints["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])
