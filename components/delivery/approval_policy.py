"""Who asks for a rollout is on record, and nobody approves a rollout that they have asked for themselves."""

from typing import Any, Final

import pulumi_kubernetes as kubernetes

from components.access.roles import APPROVE
from components.shapes import admission
from components.shapes.owner import Owner
from workloads.contract import ROLLOUT_API, ROLLOUTS

_BY: Final = "?spec.?approval.?by.orValue('')"


def _rollouts(*operations: str) -> dict[str, Any]:
    rule = {
        "apiGroups": [ROLLOUT_API[0]],
        "apiVersions": ["*"],
        "operations": [*operations],
        "resources": [ROLLOUTS],
    }
    return {"resourceRules": [rule]}


def requester() -> dict[str, Any]:
    """Return the policy that writes into each new rollout who has asked for it."""
    expression = "Object{spec: Object.spec{requestedBy: request.userInfo.username}}"
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": _rollouts("CREATE"),
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }


def approval() -> dict[str, Any]:
    """Return the policy of who approves."""
    changed = f"object.{_BY} != (oldObject == null ? '' : oldObject.{_BY})"
    asked = (
        f"authorizer.group('{ROLLOUT_API[0]}').resource('{ROLLOUTS}').namespace(object.metadata.namespace)"
    )
    allowed = f"{asked}.name(object.metadata.name).check('{APPROVE}').allowed()"
    other = f"object.{_BY} != oldObject.?spec.?requestedBy.orValue('')"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": _rollouts("CREATE", "UPDATE"),
        "matchConditions": [{"name": "is-approved", "expression": changed}],
        "validations": [
            {
                "expression": "oldObject != null",
                "message": "spec.approval.by: a new rollout has been approved by nobody yet",
            },
            {
                "expression": f"object.{_BY} == request.userInfo.username",
                "message": "spec.approval.by: everybody approves in their own name alone",
            },
            {
                "expression": f"oldObject == null || {other}",
                "message": "spec.approval.by: somebody else than who has asked for the rollout approves it",
            },
            {
                "expression": allowed,
                "message": f"spec.approval.by: RBAC does not grant the verb {APPROVE} on {ROLLOUTS}",
            },
        ],
    }


def deploy(owner: Owner) -> list[kubernetes.apiextensions.CustomResource]:
    """Create both policies for the rollouts of every namespace."""
    return [
        *admission.deploy(owner, "Mutating", f"{owner.component}-requester", requester()),
        *admission.deploy(owner, "Validating", f"{owner.component}-approval", approval()),
    ]
