"""Admission policies, which the API server evaluates itself: nothing waits for a webhook."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes.owner import Owner

API: Final = "admissionregistration.k8s.io/v1"
CREATED_PODS: Final[Mapping[str, Any]] = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    ]
}
"""Constraints that match every pod that is created."""


def created_pods_in(namespace: str) -> dict[str, Any]:
    """Return constraints that match every pod that is created in a namespace."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        **CREATED_PODS,
    }


def deploy(
    owner: Owner, kind: Literal["Mutating", "Validating"], name: str, spec: pulumi.Input[Mapping[str, Any]]
) -> list[kubernetes.apiextensions.CustomResource]:
    """Create a policy and bind it wherever its constraints match; what a validating one refuses is denied."""
    metadata = owner.cluster_metadata(name)
    policy = kubernetes.apiextensions.CustomResource(
        name,
        api_version=API,
        kind=f"{kind}AdmissionPolicy",
        metadata=metadata,
        spec=spec,
        opts=owner.child(),
    )
    actions = {"validationActions": ["Deny"]} if kind == "Validating" else {}
    binding = kubernetes.apiextensions.CustomResource(
        f"{name}-binding",
        api_version=API,
        kind=f"{kind}AdmissionPolicyBinding",
        metadata=metadata,
        spec={"policyName": name, **actions},
        opts=owner.child([policy]),
    )
    return [policy, binding]
