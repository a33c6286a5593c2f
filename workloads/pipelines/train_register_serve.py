"""The reference pipeline: train a classifier, register it if it passes, serve it, and prove it."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any, Final

from kfp import dsl, kubernetes

from workloads.endpoints import OBJECT_STORE_SECRET
from workloads.serving.inference_service import template
from workloads.steps.deploy import deploy
from workloads.steps.evaluate import evaluate
from workloads.steps.load_data import load_data
from workloads.steps.register import register
from workloads.steps.smoke import smoke
from workloads.steps.train import train
from workloads.steps.validate_data import validate_data

ENVIRONMENT_CONFIG_MAP: Final = "plinth-endpoints"
"""ConfigMap in the namespace of the runs that tells steps where the platform answers."""

_PLATFORM: Final = (
    "MLFLOW_TRACKING_URI",
    "PLINTH_ARTIFACTS_DESTINATION",
    "PLINTH_MODELS_NAMESPACE",
    "PLINTH_MODELS_SERVICE_ACCOUNT",
    "PLINTH_SERVING_RUNTIME",
    "PLINTH_GATEWAY_URL",
    "PLINTH_GATEWAY_DOMAIN",
    "PLINTH_S3_ENDPOINT",
    "PLINTH_S3_REGION",
)
_SETTINGS: Final = {
    # The same bits as the predictor: another kernel, or another order of sums, changes the last digit.
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # A step tells within a minute that MLflow is away; by default it would try for four.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def _place(task: Any, *, cache: bool, memory: str = "512Mi") -> Any:
    """Give a step its place in the platform: endpoints, the names of its run, resources, caching."""
    kubernetes.use_config_map_as_env(task, ENVIRONMENT_CONFIG_MAP, {key: key for key in _PLATFORM})
    # Not inputs: the cache compares inputs, and these differ in every run.
    kubernetes.use_field_path_as_env(task, "KFP_RUN_ID", "metadata.labels['pipeline/runid']")
    # Not by set_env_variable: it looks through the whole call stack, in a large program for up to 20 s.
    task.container_spec.env = {**(task.container_spec.env or {}), **_SETTINGS, "KFP_TASK": task.name}
    return (
        task.set_cpu_request("100m")
        .set_memory_request("256Mi")
        .set_memory_limit(memory)
        .set_caching_options(cache)
    )


@dsl.pipeline(name="train-register-serve", description="Train, evaluate, register and serve a classifier.")
def train_register_serve(
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    minimum_accuracy: float = 0.9,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
) -> None:
    """Run the chain.

    What depends on the data alone is reused; what judges, registers, serves or proves is not.

    Args:
        data: wine, breast_cancer or s3://bucket/key.csv.
        data_sha256: SHA-256 of the CSV file: other data under the same name is never mistaken for it.
        target: Name of the column of classes.
        model_name: Registered model, MLflow experiment and inference service.
        minimum_accuracy: The gate: below it the run fails, and nothing is registered or served.
        regularization: Inverse strength of the regularisation.
        seed: Decides which rows are held back.
        candidate: Whether the version is served beside the model, as NAME-candidate, until others promote it.
    """
    loaded: Any = _place(load_data(data=data, data_sha256=data_sha256), cache=True)
    kubernetes.use_secret_as_env(
        loaded, OBJECT_STORE_SECRET, {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
    )
    dataset, sha256 = loaded.outputs["dataset"], loaded.outputs["sha256"]
    validated: Any = _place(validate_data(dataset=dataset, data_sha256=sha256, target=target), cache=True)
    trained: Any = train(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target=target,
        model_name=model_name,
        regularization=regularization,
        seed=seed,
    )
    # No model, and no MLflow run, of data that was refused.
    _place(trained, cache=True, memory="1Gi").after(validated)
    held_back, model_id = trained.outputs["held_back"], trained.outputs["model_id"]
    mlflow_run_id = trained.outputs["mlflow_run_id"]
    evaluated: Any = evaluate(
        held_back=held_back,
        model_id=model_id,
        mlflow_run_id=mlflow_run_id,
        data_sha256=sha256,
        minimum_accuracy=minimum_accuracy,
    )
    _place(evaluated, cache=False, memory="1Gi")
    model_digest = evaluated.outputs["model_digest"]
    registered: Any = register(
        model_name=model_name,
        model_id=model_id,
        model_digest=model_digest,
        mlflow_run_id=mlflow_run_id,
        evaluation_run_id=evaluated.outputs["evaluation_run_id"],
        data_sha256=sha256,
    )
    _place(registered, cache=False)
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
    _place(deployed, cache=False)
    proven: Any = smoke(
        held_back=held_back,
        model_name=model_name,
        model_version=version,
        model_digest=model_digest,
        candidate=candidate,
    )
    _place(proven, cache=False).after(deployed)
