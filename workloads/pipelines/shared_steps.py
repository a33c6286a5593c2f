"""The steps before and after training, which the pipelines that train have in common."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false

from dataclasses import dataclass
from typing import Any

from workloads.pipelines.surroundings import configure, open_object_store
from workloads.serving.inference_service import template
from workloads.steps.deploy import deploy
from workloads.steps.evaluate import evaluate
from workloads.steps.load_data import load_data
from workloads.steps.register import register
from workloads.steps.smoke import smoke
from workloads.steps.validate_data import validate_data


@dataclass(frozen=True)
class Checked:
    """Data that is loaded, and the step after which it may be trained on."""

    dataset: Any
    sha256: Any
    validated: Any


def load_and_validate(
    *, data: str, data_sha256: str, target: str, task: str, family: str, objective: str
) -> Checked:
    """Add the steps before training to a pipeline, which has these inputs."""
    loaded = load(data=data, data_sha256=data_sha256, cache=True)
    return validate(
        loaded.outputs["dataset"],
        loaded.outputs["sha256"],
        target=target,
        task=task,
        family=family,
        objective=objective,
    )


def load(*, data: str, data_sha256: str, cache: bool) -> Any:
    """Add the step that loads data; from the cache only where its SHA-256 says which bytes are meant."""
    loaded: Any = configure(load_data(data=data, data_sha256=data_sha256), cache=cache)
    open_object_store(loaded)
    return loaded


def validate(dataset: Any, sha256: Any, *, target: str, task: str, family: str, objective: str) -> Checked:
    """Add the step that checks data."""
    validated: Any = validate_data(
        dataset=dataset,
        data_sha256=sha256,
        target=target,
        task=task,
        family=family,
        objective=objective,
    )
    configure(validated, cache=True, memory="1Gi")
    return Checked(dataset, sha256, validated)


def judge_and_serve(  # noqa: PLR0913 - inputs of a pipeline
    trained: Any,
    sha256: Any,
    *,
    data: str,
    model_name: str,
    minimum_accuracy: float,
    minimum_r2: float,
    objective: str,
    threshold: float,
    candidate: bool,
    replace: bool,
    after: Any = None,
    reason: str = "",
) -> None:
    """Add the steps after training to a pipeline, which has these inputs and a step that trained.

    With `after`, a step that has compared the model with the champion by labels, nothing else is done before
    that one has passed, and the rollout requires no agreement with the champion: labels know better.
    """
    evaluated: Any = evaluate(
        held_back=trained.outputs["held_back"],
        model_id=trained.outputs["model_id"],
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        data_sha256=sha256,
        minimum_accuracy=minimum_accuracy,
        minimum_r2=minimum_r2,
        objective=objective,
        threshold=threshold,
    )
    configure(evaluated, cache=False, memory="1Gi")
    if after is not None:
        evaluated.after(after)
    register_and_serve(
        trained,
        evaluated,
        sha256,
        data=data,
        model_name=model_name,
        candidate=candidate,
        replace=replace,
        reason=reason,
        replay=after is None,
    )


def register_and_serve(  # noqa: PLR0913 - inputs of a pipeline
    trained: Any,
    evaluated: Any,
    sha256: Any,
    *,
    data: str,
    model_name: str,
    candidate: bool,
    replace: bool,
    reason: str = "",
    replay: bool = True,
) -> None:
    """Add the steps after a step that made a model and one that judged it; the inputs are the pipeline's."""
    model_id, mlflow_run_id = trained.outputs["model_id"], trained.outputs["mlflow_run_id"]
    model_digest = evaluated.outputs["model_digest"]
    registered: Any = register(
        model_name=model_name,
        model_id=model_id,
        model_digest=model_digest,
        mlflow_run_id=mlflow_run_id,
        evaluation_run_id=evaluated.outputs["evaluation_run_id"],
        data_sha256=sha256,
        data=data,
        replace=replace,
    )
    configure(registered, cache=False)
    version = registered.outputs["model_version"]
    deployed: Any = deploy(
        inference_service=template(),
        model_name=model_name,
        model_version=version,
        model_digest=model_digest,
        storage_uri=registered.outputs["storage_uri"],
        mlflow_run_id=mlflow_run_id,
        data_sha256=sha256,
    )
    configure(deployed, cache=False)
    proven: Any = smoke(
        held_back=trained.outputs["held_back"],
        model_name=model_name,
        model_version=version,
        model_digest=model_digest,
        candidate=candidate,
        reason=reason,
        replay=replay,
    )
    configure(proven, cache=False, memory="1Gi").after(deployed)
