"""Admission policy for the pods of runs: what a pipeline may ask for that the platform's own pods have.

A pipeline is a program of its author. It names accounts, labels, Secrets and volumes, the workflow controller
creates whatever pod it describes, and the kubelet mounts what the pod names, whatever rights its account has.
"""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import admission
from components.shapes.owner import Owner

_RESERVED: Final = "app.kubernetes.io/"
SECRETS: Final = (
    "metadata-database",
    "mysql-accounts-statements",
    "mysql-init",
    "mysql-text-passwords",
    "pipelines-database",
)
"""Secrets of the servers that share the namespace with runs; a test finds others."""
CLAIMS: Final = ("mysql",)
"""Claims of these servers."""
# CEL over one pod. A name that is not a server's may be anybody's.
_VARIABLES: Final = {
    "containers": "object.spec.containers + "
    "(has(object.spec.initContainers) ? object.spec.initContainers : [])",
    "volumes": "has(object.spec.volumes) ? object.spec.volumes : []",
    "secrets": str([*SECRETS]),
    "claims": str([*CLAIMS]),
}
_NO_SECRETS: Final = (
    "variables.volumes.all(v, !has(v.secret) || !(v.secret.secretName in variables.secrets))",
    "variables.volumes.all(v, !has(v.projected) || "
    "v.projected.sources.all(s, !has(s.secret) || !(s.secret.name in variables.secrets)))",
    "variables.containers.all(c, !has(c.env) || c.env.all(e, !has(e.valueFrom) || "
    "!has(e.valueFrom.secretKeyRef) || !(e.valueFrom.secretKeyRef.name in variables.secrets)))",
    "variables.containers.all(c, !has(c.envFrom) || "
    "c.envFrom.all(e, !has(e.secretRef) || !(e.secretRef.name in variables.secrets)))",
)
_NO_CLAIMS: Final = (
    "variables.volumes.all(v, !has(v.persistentVolumeClaim) || "
    "!(v.persistentVolumeClaim.claimName in variables.claims))"
)


def _validations(account: str) -> list[dict[str, str]]:
    """Return what must hold for a pod of a run, each with what its author reads otherwise."""
    return [
        {
            "expression": f"object.spec.serviceAccountName == '{account}'",
            "messageExpression": f"'a step runs as {account}, not as ' + object.spec.serviceAccountName",
        },
        {
            "expression": "!has(object.metadata.labels) || "
            f"!object.metadata.labels.exists(key, key.startsWith('{_RESERVED}'))",
            "message": f"labels {_RESERVED}* are the platform's: give the step others",
        },
        {
            "expression": "!has(object.spec.priorityClassName) || object.spec.priorityClassName == ''",
            "message": "a step has no priority class: remove priorityClassName",
        },
        {
            "expression": "!has(object.spec.nodeName) || object.spec.nodeName == ''",
            "message": "spec.nodeName bypasses the scheduler: use a node selector",
        },
        {
            "expression": " && ".join(_NO_SECRETS),
            "message": f"Secrets of the platform's servers are not for steps: {', '.join(SECRETS)}",
        },
        {
            "expression": _NO_CLAIMS,
            "message": f"volumes of the platform's servers are not for steps: {', '.join(CLAIMS)}",
        },
    ]


def spec(namespace: str, *, creator: str, account: str) -> dict[str, Any]:
    """Return the spec of the policy.

    Args:
        namespace: Namespace of the runs.
        creator: Service account of the workflow controller in it.
        account: Service account of steps.
    """
    controller = f"system:serviceaccount:{namespace}:{creator}"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": admission.created_pods_in(namespace),
        "matchConditions": [
            {"name": "is-of-a-run", "expression": f"request.userInfo.username == '{controller}'"}
        ],
        "variables": [{"name": name, "expression": text} for name, text in _VARIABLES.items()],
        "validations": _validations(account),
    }


def deploy(owner: Owner, *, creator: str, account: str) -> list[kubernetes.apiextensions.CustomResource]:
    """Create the policy and its binding for the namespace of the owner; arguments as for `spec`."""
    known = pulumi.Output.from_input(owner.namespace)
    rendered = known.apply(lambda namespace: spec(namespace, creator=creator, account=account))
    return admission.deploy(owner, "Validating", f"{owner.component}-step-pods", rendered)
