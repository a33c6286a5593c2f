"""Admission policy for InferenceServices: models of the platform's bucket, its runtimes and its accounts.

Steps and clients may create services. What a service describes becomes a pod next to the key of every model:
a container of its author's choice would be a way around the steps' own limits, and one to the Secrets there.
"""

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import admission
from components.shapes.owner import Owner
from workloads.contract import MODELS_FOLDER

_GROUP: Final = "serving.kserve.io"
# Parts of a service that start containers, or mount volumes, other than those of the runtime.
_OTHER_COMPONENTS: Final = ("transformer", "explainer")
_OTHER_PODS: Final = (
    "containers",
    "initContainers",
    "volumes",
    "workerSpec",
    "priorityClassName",
    "nodeName",
)
_OTHER_PROGRAMS: Final = ("image", "command", "args", "envFrom", "volumeMounts", "volumeDevices", "storage")


@dataclass(frozen=True, kw_only=True)
class Models:
    """Where the models of a namespace are."""

    below: str
    """URI of their folder, with a slash at its end."""
    teams: str = ""
    """URI of a folder in it that holds a folder for each team; of these, only one is this namespace's."""
    own: str = ""
    """URI of that one."""


def _below(uri: str, models: Models) -> str:
    below = f"{uri}.startsWith('{models.below}') && !{uri}.contains('..')"
    if not models.teams:
        return below
    return f"{below} && (!{uri}.startsWith('{models.teams}') || {uri}.startsWith('{models.own}'))"


def _without(where: str, fields: tuple[str, ...]) -> str:
    return " && ".join(f"!has({where}.{field})" for field in fields)


def _validations(
    models: Models, runtimes: str, accounts: tuple[str, ...], reserved: tuple[str, ...]
) -> list[dict[str, str]]:
    """Return what must hold for a service, each with what its author reads otherwise."""
    predictor, model = "object.spec.predictor", "object.spec.predictor.model"
    several = f"{predictor}.storageUris"
    taken = {
        "expression": f"!(object.metadata.name in {[*reserved]})",
        "message": f"no model is called {', '.join(reserved)}: its host would be another's",
    }
    return [
        *([taken] if reserved else []),
        {
            "expression": f"has({model}) && {_without('object.spec', _OTHER_COMPONENTS)}",
            "message": "a service has one predictor with spec.predictor.model: remove the other components",
        },
        {
            "expression": _without(predictor, _OTHER_PODS),
            "message": f"the runtime defines the pod: remove {', '.join(_OTHER_PODS)} from spec.predictor",
        },
        {
            "expression": f"!has({model}) || ({_without(model, _OTHER_PROGRAMS)} && (!has({model}.env) || "
            f"{model}.env.all(each, !has(each.valueFrom))))",
            "message": "the runtime defines the program: remove "
            f"{', '.join(_OTHER_PROGRAMS)} and env[].valueFrom from spec.predictor.model",
        },
        {
            "expression": f"!has({predictor}.serviceAccountName) || "
            f"{predictor}.serviceAccountName in {[*accounts]}",
            "message": f"spec.predictor.serviceAccountName is one of {', '.join(accounts)}",
        },
        {
            "expression": f"!has({model}) || !has({model}.runtime) || "
            f"{model}.runtime.startsWith('{runtimes}')",
            "message": "spec.predictor.model.runtime is none of the platform's: "
            "`kubectl get clusterservingruntimes` lists them",
        },
        {
            "expression": f"!has({model}) || (has({model}.storageUri) != has({several}) && "
            f"(!has({model}.storageUri) || ({_below(f'{model}.storageUri', models)})) && "
            f"(!has({several}) || {several}.all(each, {_below('each.uri', models)})))",
            "message": f"spec.predictor.model.storageUri is not below {models.below}, or is of another "
            "namespace: log the model to the MLflow of this one",
        },
        {
            # Elsewhere, files of a model would take the place of the program's.
            "expression": f"!has({several}) || {several}.all(each, has(each.mountPath) && "
            f"each.mountPath.matches('^{MODELS_FOLDER}/[a-z][a-z0-9-]*$'))",
            "message": "spec.predictor.storageUris[].mountPath is no folder of a model: "
            f"give {MODELS_FOLDER}/NAME for each",
        },
    ]


def spec(
    namespace: str,
    *,
    models: Models,
    runtimes: str,
    accounts: tuple[str, ...],
    reserved: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the spec of the policy.

    Args:
        namespace: Namespace of models.
        models: Where the models are.
        runtimes: What the name of every runtime of the platform begins with.
        accounts: Service accounts of models.
        reserved: Names that no model may have.
    """
    rule = {
        "apiGroups": [_GROUP],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["inferenceservices"],
    }
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [rule],
        },
        # A service that was created before the policy can be annotated and deleted.
        "matchConditions": [
            {"name": "is-new", "expression": "oldObject == null || object.spec != oldObject.spec"}
        ],
        "validations": _validations(models, runtimes, accounts, reserved),
    }


def deploy(
    owner: Owner, *, models: Models, runtimes: str, accounts: tuple[str, ...], reserved: tuple[str, ...] = ()
) -> list[kubernetes.apiextensions.CustomResource]:
    """Create the policy and its binding for the namespace of the owner; arguments as for `spec`."""
    known = pulumi.Output.from_input(owner.namespace)
    rendered = known.apply(
        lambda namespace: spec(
            namespace, models=models, runtimes=runtimes, accounts=accounts, reserved=reserved
        )
    )
    return admission.deploy(owner, "Validating", f"{owner.component}-services", rendered)
