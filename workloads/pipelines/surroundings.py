"""What every step of the reference pipelines gets: endpoints, the ids of its run, settings and resources."""

from typing import Any, Final

from kfp import kubernetes

from workloads.contract import OBJECT_STORE_SECRET, STEP_ENVIRONMENT, StepVariable

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


def configure(task: Any, *, cache: bool, memory: str = "512Mi") -> Any:
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


def open_object_store(task: Any) -> None:
    """Give a step the keys of the pipelines' bucket."""
    kubernetes.use_secret_as_env(
        task, OBJECT_STORE_SECRET, {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
    )
