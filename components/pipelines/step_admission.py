"""Admission policy for the pods of runs: what a pipeline may ask for that the platform's own pods have.

A pipeline is a program of its author. It names accounts, labels, a priority and a node, and the workflow
controller creates whatever pod it describes. Secrets and volumes need no rule: those in the namespace of runs
are for runs.
"""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import admission
from components.shapes.owner import Owner

_RESERVED: Final = "app.kubernetes.io/"


def validations(account: str, what: str = "step") -> list[dict[str, str]]:
    """Return what must hold for a pod of a run, each with what its author reads otherwise.

    Args:
        account: The account that it runs as.
        what: What the pod is to its author.
    """
    return [
        {
            "expression": f"object.spec.serviceAccountName == '{account}'",
            "messageExpression": f"'a {what} runs as {account}, not as ' + object.spec.serviceAccountName",
        },
        {
            "expression": "!has(object.metadata.labels) || "
            f"!object.metadata.labels.exists(key, key.startsWith('{_RESERVED}'))",
            "message": f"labels {_RESERVED}* are the platform's: give the {what} others",
        },
        {
            "expression": "!has(object.spec.priorityClassName) || object.spec.priorityClassName == ''",
            "message": f"a {what} has no priority class: remove priorityClassName",
        },
        {
            "expression": "!has(object.spec.nodeName) || object.spec.nodeName == ''",
            "message": "spec.nodeName bypasses the scheduler: use a node selector",
        },
    ]


def spec(namespace: str, *, creator: str, account: str) -> dict[str, Any]:
    """Return the spec of the policy.

    Args:
        namespace: Namespace of the runs.
        creator: User who creates their pods, the workflow controller.
        account: Service account of steps.
    """
    return {
        "failurePolicy": "Fail",
        "matchConstraints": admission.created_pods_in(namespace),
        "matchConditions": [
            {"name": "is-of-a-run", "expression": f"request.userInfo.username == '{creator}'"}
        ],
        "validations": validations(account),
    }


def deploy(
    owner: Owner, runs_namespace: pulumi.Input[str], *, creator: str, account: str
) -> list[kubernetes.apiextensions.CustomResource]:
    """Create the policy and its binding.

    Args:
        owner: The workflow controller.
        runs_namespace: Namespace of the runs.
        creator: Service account of the workflow controller, in the owner's namespace.
        account: Service account of steps.
    """
    rendered = pulumi.Output.all(runs_namespace, owner.namespace).apply(
        lambda known: spec(known[0], creator=f"system:serviceaccount:{known[1]}:{creator}", account=account)
    )
    return admission.deploy(owner, "Validating", f"{owner.component}-step-pods", rendered)
