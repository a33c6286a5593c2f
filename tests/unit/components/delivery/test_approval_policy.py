"""A real API server evaluates the expressions: tests/integration/components/test_rollout_admission.py."""

from typing import Any

import pytest

from components.access import roles
from components.access.roles import APPROVE, ROLLOUT_GROUP, Role
from components.delivery import approval_policy
from workloads.contract import ROLLOUTS


@pytest.mark.parametrize(
    ("spec", "operations"),
    [(approval_policy.requester(), ["CREATE"]), (approval_policy.approval(), ["CREATE", "UPDATE"])],
)
def test_rollouts_of_every_namespace_are_looked_at_and_none_passes_unseen(
    spec: dict[str, Any], operations: list[str]
) -> None:
    assert spec["failurePolicy"] == "Fail"
    rule = {
        "apiGroups": [ROLLOUT_GROUP],
        "apiVersions": ["*"],
        "operations": operations,
        "resources": [ROLLOUTS],
    }
    # Neither a namespace nor a label is an exception.
    assert spec["matchConstraints"] == {"resourceRules": [rule]}


def test_the_requester_is_whom_the_api_server_has_authenticated() -> None:
    (mutation,) = approval_policy.requester()["mutations"]
    assert mutation == {
        "patchType": "ApplyConfiguration",
        "applyConfiguration": {
            "expression": "Object{spec: Object.spec{requestedBy: request.userInfo.username}}"
        },
    }


def test_a_change_of_anything_else_needs_no_right_to_approve() -> None:
    (condition,) = approval_policy.approval()["matchConditions"]
    before, after = condition["expression"].split(" != ", 1)
    assert before == "object.?spec.?approval.?by.orValue('')"
    assert "oldObject.?spec.?approval.?by.orValue('')" in after


def test_the_right_to_approve_is_the_promoters_and_nobody_elses() -> None:
    *_, allowed = approval_policy.approval()["validations"]
    assert f".group('{ROLLOUT_GROUP}').resource('{ROLLOUTS}')" in allowed["expression"]
    assert f".check('{APPROVE}').allowed()" in allowed["expression"]
    holders = {
        role
        for role, rules in roles.rules().items()
        for rule in rules
        if ROLLOUT_GROUP in rule["api_groups"] and {APPROVE, "*"} & {*rule["verbs"]}
    }
    assert holders == {Role.PROMOTER}


def test_each_refusal_names_the_field_in_one_line() -> None:
    validations = approval_policy.approval()["validations"]
    assert len(validations) == 4
    for each in validations:
        assert each["message"].startswith("spec.approval.by: ")
        assert "\n" not in each["message"]
