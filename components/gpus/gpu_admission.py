"""Admission policies of GPU nodes: who asks for a GPU tolerates them, who does not never gets there.

The API server evaluates both itself: no webhook has to be up for a pod to start.
"""

from typing import Any, Final

from components.gpus.gpu_queues import GPU_RESOURCE, TEAM_LABEL, TOLERATION

_API: Final = "admissionregistration.k8s.io/v1"
TOLERATE: Final = "plinth-gpu-pods-tolerate-gpu-nodes"
STAY_AWAY: Final = "plinth-gpu-nodes-are-for-gpu-pods"
_CREATED_PODS: Final[dict[str, Any]] = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    ]
}


def asks_for_gpu(pod: str) -> str:
    """Return the CEL expression whether a pod's spec asks for GPUs, whole ones or slices.

    Args:
        pod: the expression of the spec, such as `object.spec`.
    """
    # What is no built-in resource must be in the limits: they decide, requests merely repeat them.
    limits = (
        "has(c.resources) && has(c.resources.limits) && "
        "c.resources.limits.exists(name, name.startsWith('nvidia.com/'))"
    )
    return (
        f"({pod}.containers.exists(c, {limits}) || "
        f"(has({pod}.initContainers) && {pod}.initContainers.exists(c, {limits})))"
    )


_TOLERATES: Final = (
    "(has(object.spec.tolerations) && object.spec.tolerations.exists(t, "
    f"(!has(t.key) || t.key == '' || t.key == '{GPU_RESOURCE}') && "
    "(!has(t.effect) || t.effect == '' || t.effect == 'NoSchedule')))"
)


def tolerate() -> dict[str, Any]:
    """Return the spec of the policy that gives every pod which asks for a GPU its toleration."""
    fields = ", ".join(f"{key}: '{value}'" for key, value in TOLERATION.items())
    toleration = f"Object.spec.tolerations{{{fields}}}"
    expression = (
        "has(object.spec.tolerations)"
        f" ? [JSONPatch{{op: 'add', path: '/spec/tolerations/-', value: {toleration}}}]"
        f" : [JSONPatch{{op: 'add', path: '/spec/tolerations', value: [{toleration}]}}]"
    )
    return {
        "matchConstraints": _CREATED_PODS,
        "matchConditions": [
            {"name": "asks-for-a-gpu", "expression": asks_for_gpu("object.spec")},
            {"name": "tolerates-not-yet", "expression": f"!{_TOLERATES}"},
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
    }


def stay_away() -> dict[str, Any]:
    """Return the spec of the policy that keeps pods without GPU off GPU nodes."""
    return {
        "matchConstraints": _CREATED_PODS,
        "matchConditions": [{"name": "asks-for-no-gpu", "expression": f"!{asks_for_gpu('object.spec')}"}],
        "failurePolicy": "Fail",
        "validations": [
            {
                "expression": f"!{_TOLERATES}",
                "message": (
                    f"the pod asks for no {GPU_RESOURCE} but tolerates nodes that have it: "
                    "remove the toleration, or set resources.limits"
                ),
            },
            {
                "expression": "!has(object.spec.nodeName) || object.spec.nodeName == ''",
                "message": "spec.nodeName passes by the scheduler, and with it taints and quotas: remove it",
            },
        ],
    }


def objects() -> list[dict[str, Any]]:
    """Return both policies and their bindings: tolerations everywhere, the refusal in teams' namespaces."""
    teams = {"namespaceSelector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]}}
    return [
        _object("MutatingAdmissionPolicy", TOLERATE, tolerate()),
        _object("MutatingAdmissionPolicyBinding", TOLERATE, {"policyName": TOLERATE}),
        _object("ValidatingAdmissionPolicy", STAY_AWAY, stay_away()),
        # Agents of the platform run on every node, GPU or not: only teams are bound.
        _object(
            "ValidatingAdmissionPolicyBinding",
            STAY_AWAY,
            {"policyName": STAY_AWAY, "validationActions": ["Deny"], "matchResources": teams},
        ),
    ]


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}
