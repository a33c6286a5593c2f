"""The reference pipeline: train a model, register it if it is good, serve it and verify it."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any, Final

from kfp import dsl, kubernetes

from workloads.contract import OBJECT_STORE_SECRET, STEP_ENVIRONMENT, StepVariable
from workloads.serving.inference_service import template
from workloads.steps.deploy import deploy
from workloads.steps.evaluate import evaluate
from workloads.steps.load_data import load_data
from workloads.steps.register import register
from workloads.steps.smoke import smoke
from workloads.steps.train import train
from workloads.steps.validate_data import validate_data

STEP_MEMORY: Final = "256Mi"
"""Memory that each step requests."""
_SETTINGS: Final = {
    # As in the predictor: another kernel, or another order of sums, changes the last digit.
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # A step fails within a minute if MLflow is down; by default it would retry for four.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def _configure(task: Any, *, cache: bool, memory: str = "512Mi") -> Any:
    """Give a step the platform's endpoints, the ids of its run, resources and its caching."""
    kubernetes.use_config_map_as_env(task, STEP_ENVIRONMENT, {key.value: key.value for key in StepVariable})
    # Not inputs: the cache compares inputs, and this one differs in every run.
    kubernetes.use_field_path_as_env(task, "KFP_RUN_ID", "metadata.labels['pipeline/runid']")
    # Not by set_env_variable: it inspects the whole call stack, in a large program for up to 20 s.
    task.container_spec.env = {**(task.container_spec.env or {}), **_SETTINGS, "KFP_TASK": task.name}
    return (
        task.set_cpu_request("100m")
        .set_memory_request(STEP_MEMORY)
        .set_memory_limit(memory)
        .set_caching_options(cache)
    )


@dsl.pipeline(name="train-register-serve", description="Train, evaluate, register and serve a model.")
def train_register_serve(  # noqa: PLR0913, PLR0917 - inputs of a pipeline
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    task: str = "auto",
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
    replace: bool = False,
) -> None:
    """Run all steps; those that depend on the data alone are cached.

    Args:
        data: wine, breast_cancer or s3://bucket/key.csv.
        data_sha256: SHA-256 of the CSV file, so that changed data under the same name misses the cache.
        target: Column with the class, or the quantity.
        model_name: Name of the registered model, the MLflow experiment and the InferenceService.
        task: classification, regression, or auto: as the target's values say.
        minimum_accuracy: Below it the run of a classifier fails, and nothing is registered or served.
        minimum_r2: Below it the run of a regression fails likewise; 0 is as good as always saying the mean.
        regularization: Inverse regularization strength.
        seed: Selects the held-back rows.
        candidate: Whether to serve the version as NAME-candidate, next to the model, until it is promoted.
        replace: Whether a model of other data may lose its name to this one.
    """
    loaded: Any = _configure(load_data(data=data, data_sha256=data_sha256), cache=True)
    kubernetes.use_secret_as_env(
        loaded, OBJECT_STORE_SECRET, {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
    )
    dataset, sha256 = loaded.outputs["dataset"], loaded.outputs["sha256"]
    validated: Any = validate_data(dataset=dataset, data_sha256=sha256, target=target, task=task)
    _configure(validated, cache=True, memory="1Gi")
    trained: Any = train(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target=target,
        model_name=model_name,
        regularization=regularization,
        seed=seed,
        task=task,
    )
    # Rejected data leaves no model and no MLflow run.
    _configure(trained, cache=True, memory="3Gi").after(validated)
    held_back, model_id = trained.outputs["held_back"], trained.outputs["model_id"]
    mlflow_run_id = trained.outputs["mlflow_run_id"]
    evaluated: Any = evaluate(
        held_back=held_back,
        model_id=model_id,
        mlflow_run_id=mlflow_run_id,
        data_sha256=sha256,
        minimum_accuracy=minimum_accuracy,
        minimum_r2=minimum_r2,
    )
    _configure(evaluated, cache=False, memory="1Gi")
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
    _configure(registered, cache=False)
    version = registered.outputs["model_version"]
    deployed: Any = deploy(
        inference_service=template(),
        model_name=model_name,
        model_version=version,
        model_digest=model_digest,
        storage_uri=registered.outputs["storage_uri"],
        mlflow_run_id=mlflow_run_id,
        data_sha256=sha256,
        candidate=candidate,
    )
    _configure(deployed, cache=False)
    proven: Any = smoke(
        held_back=held_back,
        model_name=model_name,
        model_version=version,
        model_digest=model_digest,
        candidate=candidate,
    )
    _configure(proven, cache=False, memory="1Gi").after(deployed)
