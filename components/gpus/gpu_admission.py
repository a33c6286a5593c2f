"""Admission policies of GPU nodes: GPU pods tolerate them and keep them; all other pods are kept off them.

The API server evaluates the policies itself: pods start without any webhook.
"""

from typing import Any, Final, Literal

from components.gpus.gpu_pools import GPU_RESOURCE, TOLERATION
from components.shapes import admission
from components.shapes.labels import TEAM_LABEL

ADD_TOLERATION: Final = "plinth-gpu-pods-tolerate-gpu-nodes"
KEEP_NODE: Final = "plinth-gpu-pods-keep-their-nodes"
DENY_NON_GPU_PODS: Final = "plinth-gpu-nodes-are-for-gpu-pods"
DENY_GPUS_ELSEWHERE: Final = "plinth-gpus-are-for-teams"
_SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def requests_gpu(pod: str) -> str:
    """Return a CEL expression that is true if a pod requests GPUs, whole or sliced.

    Args:
        pod: expression of the pod's spec, such as `object.spec`.
    """
    # Extended resources must be in the limits; requests only repeat them.
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


def add_toleration() -> dict[str, Any]:
    """Return the spec of the policy that adds the toleration to every pod that requests a GPU."""
    fields = ", ".join(f"{key}: '{value}'" for key, value in TOLERATION.items())
    toleration = f"Object.spec.tolerations{{{fields}}}"
    expression = (
        "has(object.spec.tolerations)"
        f" ? [JSONPatch{{op: 'add', path: '/spec/tolerations/-', value: {toleration}}}]"
        f" : [JSONPatch{{op: 'add', path: '/spec/tolerations', value: [{toleration}]}}]"
    )
    return {
        "matchConstraints": admission.CREATED_PODS,
        "matchConditions": [
            {"name": "asks-for-a-gpu", "expression": requests_gpu("object.spec")},
            {"name": "tolerates-not-yet", "expression": f"!{_TOLERATES}"},
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
    }


def keep_node() -> dict[str, Any]:
    """Return the spec of the policy by which the cluster autoscaler moves no pod that requests a GPU.

    It would end a run to save a node that is more than half idle. Who says otherwise in a pod is obeyed.
    """
    annotations = f"{{'{_SAFE_TO_EVICT}': 'false'}}"
    silent = f"!has(object.metadata.annotations) || !('{_SAFE_TO_EVICT}' in object.metadata.annotations)"
    return {
        "matchConstraints": admission.CREATED_PODS,
        "matchConditions": [
            {"name": "asks-for-a-gpu", "expression": requests_gpu("object.spec")},
            {"name": "says-nothing-of-it", "expression": silent},
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {
                    "expression": f"Object{{metadata: Object.metadata{{annotations: {annotations}}}}}"
                },
            }
        ],
    }


def deny_non_gpu_pods() -> dict[str, Any]:
    """Return the spec of the policy that keeps pods without a GPU off GPU nodes."""
    return {
        "matchConstraints": admission.CREATED_PODS,
        "matchConditions": [{"name": "asks-for-no-gpu", "expression": f"!{requests_gpu('object.spec')}"}],
        "failurePolicy": "Fail",
        "validations": [
            {
                "expression": f"!{_TOLERATES}",
                "message": (
                    f"the pod requests no {GPU_RESOURCE} but tolerates nodes that have it: "
                    "remove the toleration, or set resources.limits"
                ),
            },
            {
                "expression": "!has(object.spec.nodeName) || object.spec.nodeName == ''",
                "message": "spec.nodeName bypasses the scheduler, and with it taints and quotas: remove it",
            },
        ],
    }


def deny_gpus() -> dict[str, Any]:
    """Return the spec of the policy that refuses every pod with a GPU: no quota would count it."""
    return {
        "matchConstraints": admission.CREATED_PODS,
        "matchConditions": [{"name": "asks-for-a-gpu", "expression": requests_gpu("object.spec")}],
        "failurePolicy": "Fail",
        "validations": [
            {
                "expression": "false",
                "message": "GPUs are shared by teams: run the pod in the namespace of a team with a quota",
            }
        ],
    }


def _namespaces(operator: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchExpressions": [{"key": TEAM_LABEL, "operator": operator}]}}


def objects(*, shared: bool = True) -> list[dict[str, Any]]:
    """Return the policies and their bindings.

    Args:
        shared: whether the stack has teams; outside of their namespaces no pod then gets a GPU.
    """
    teams, others = _namespaces("Exists"), _namespaces("DoesNotExist")
    return [
        *_bound("Mutating", ADD_TOLERATION, add_toleration()),
        # What serves elsewhere may move to another node.
        *_bound("Mutating", KEEP_NODE, keep_node(), teams),
        # The platform's own agents run on every node, so the denial applies to teams alone.
        *_bound("Validating", DENY_NON_GPU_PODS, deny_non_gpu_pods(), teams),
        *(_bound("Validating", DENY_GPUS_ELSEWHERE, deny_gpus(), others) if shared else []),
    ]


def _bound(
    kind: Literal["Mutating", "Validating"],
    name: str,
    spec: dict[str, Any],
    where: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return a policy and its binding, to all namespaces by default; what one refuses is denied."""
    actions = {"validationActions": ["Deny"]} if kind == "Validating" else {}
    binding = {"policyName": name, **actions, **({"matchResources": where} if where else {})}
    return [
        {"apiVersion": admission.API, "kind": f"{kind}{suffix}", "metadata": {"name": name}, "spec": content}
        for suffix, content in (("AdmissionPolicy", spec), ("AdmissionPolicyBinding", binding))
    ]
