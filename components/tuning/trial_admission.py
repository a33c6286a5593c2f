"""Admission policy for what Katib's controller creates: a trial is a Job without rights, and nothing else.

Whoever creates an experiment writes the template of its trials, and the controller creates whatever it
describes.
"""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import admission
from components.shapes.owner import Owner

_POD: Final = "object.spec.template"
_RESERVED: Final = "app.kubernetes.io/"
_NO_JOB: Final = "request.resource.resource != 'jobs'"
_OF_A_SUGGESTION: Final = (
    "has(object.metadata.ownerReferences) && "
    "object.metadata.ownerReferences.all(each, each.kind == 'Suggestion')"
)


def spec(namespace: str, *, account: str, suggestion_image: str) -> dict[str, Any]:
    """Return the spec of the policy.

    Args:
        namespace: Namespace of the controller.
        account: Its service account.
        suggestion_image: Image of the service that proposes parameters.
    """
    pod = f"{_POD}.spec"
    labels = f"{_POD}.metadata.labels"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["", "apps", "batch"],
                    "apiVersions": ["*"],
                    "operations": ["CREATE"],
                    "resources": ["services", "deployments", "jobs"],
                }
            ]
        },
        "matchConditions": [
            {
                "name": "is-of-katib",
                "expression": f"request.userInfo.username == 'system:serviceaccount:{namespace}:{account}'",
            }
        ],
        "validations": [
            {
                "expression": f"request.resource.resource == 'jobs' || ({_OF_A_SUGGESTION})",
                "message": "a trial is a Job: give trialTemplate.trialSpec of kind Job",
            },
            {
                "expression": f"request.resource.resource != 'deployments' || "
                f"{pod}.containers.all(each, each.image == '{suggestion_image}')",
                "message": "parameters are proposed by the platform's service alone",
            },
            {
                "expression": f"{_NO_JOB} || !has({pod}.serviceAccountName) || "
                f"{pod}.serviceAccountName in ['', 'default']",
                "message": "a trial has no account of its own: remove serviceAccountName",
            },
            {
                "expression": f"{_NO_JOB} || (has({pod}.automountServiceAccountToken) && "
                f"!{pod}.automountServiceAccountToken)",
                "message": "a trial gets no token: give automountServiceAccountToken: false",
            },
            {
                "expression": f"{_NO_JOB} || !has({_POD}.metadata) || !has({labels}) || "
                f"!{labels}.exists(key, key.startsWith('{_RESERVED}'))",
                "message": f"labels {_RESERVED}* are the platform's: give the trial others",
            },
            {
                "expression": f"{_NO_JOB} || !has({pod}.priorityClassName) || {pod}.priorityClassName == ''",
                "message": "a trial has no priority class: remove priorityClassName",
            },
            {
                "expression": f"{_NO_JOB} || !has({pod}.nodeName) || {pod}.nodeName == ''",
                "message": "spec.nodeName bypasses the scheduler: use a node selector",
            },
        ],
    }


def deploy(
    owner: Owner, account: str, suggestion_image: str
) -> list[kubernetes.apiextensions.CustomResource]:
    """Create the policy and its binding, for the account in the owner's namespace."""
    rendered = pulumi.Output.from_input(owner.namespace).apply(
        lambda namespace: spec(namespace, account=account, suggestion_image=suggestion_image)
    )
    return admission.deploy(owner, "Validating", f"{owner.component}-trials", rendered)
