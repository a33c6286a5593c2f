"""Puts a registered version of a model into a pod of its own, where it waits for a rollout."""

import os
from typing import Any

from kubernetes import client

from workloads import cluster_client
from workloads.contract import MODEL_LABEL, STEP_ENVIRONMENT, StepVariable
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import storage_uri
from workloads.serving.inference_service import inference_service, version_service
from workloads.serving.inference_services import InferenceServices, version_of
from workloads.serving.runtime_choice import chosen_runtime
from workloads.serving.served_version import ServedVersion
from workloads.tracking import connect


def registered_version(endpoints: Endpoints, model_name: str, version: str) -> ServedVersion:
    """Return what the registry records of a version.

    Raises:
        WorkloadsError: it is not registered, or no pipeline of the platform registered it.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = connect(endpoints).get_model_version(model_name, version)
    except MlflowException as error:
        said = str(error).splitlines()[0][:200]
        raise WorkloadsError(f"model {model_name}: version {version} is not registered ({said})") from None
    missing = [key for key in ("model.digest", "data.sha256", "kfp.pipeline_run_id") if key not in found.tags]
    if missing:
        raise WorkloadsError(
            f"model {model_name}: version {version} has no tag {', '.join(missing)}: "
            "no pipeline of the platform has registered it"
        )
    return ServedVersion(
        model_name=model_name,
        model_version=str(found.version),
        model_digest=found.tags["model.digest"],
        mlflow_run_id=str(found.run_id),
        data_sha256=found.tags["data.sha256"],
        pipeline_run_id=found.tags["kfp.pipeline_run_id"],
    )


def deploy_version(endpoints: Endpoints, model_name: str, version: str) -> ServedVersion:
    """Create the InferenceService of a version unless it runs already; it gets no requests of its model yet.

    Raises:
        WorkloadsError: the version is not registered, or no runtime of the platform can serve it.
    """
    services = InferenceServices(endpoints)
    running = services.get(version_service(model_name, version))
    if running is not None:
        return version_of(running)
    record = registered_version(endpoints, model_name, version)
    adopt_environment(endpoints)
    service = inference_service(
        version_service(model_name, version),
        endpoints.models_namespace,
        storage_uri=location_of(endpoints, model_name, version),
        runtime=chosen_runtime(model_name, version),
        service_account=os.environ[StepVariable.MODELS_SERVICE_ACCOUNT],
        annotations=record.to_annotations(),
    )
    service["metadata"]["labels"][MODEL_LABEL] = model_name
    services.create_or_patch(service)
    return record


def location_of(endpoints: Endpoints, model_name: str, version: str) -> str:
    """Return the URI of a version's folder in the object store."""
    location = connect(endpoints).get_model_version_download_uri(model_name, version)
    return storage_uri(location, endpoints.artifacts_destination)


def adopt_environment(endpoints: Endpoints) -> None:
    """Give this process the environment of a step that puts versions into service.

    Raises:
        WorkloadsError: the platform is not up.
    """
    for key, value in _environment(endpoints).items():
        os.environ.setdefault(key, value)


def _environment(endpoints: Endpoints) -> dict[str, str]:
    """Return what steps find in their environment; processes of a laptop's platform have it in theirs."""
    if endpoints.local_model_url:
        if StepVariable.MODELS_SERVICE_ACCOUNT not in os.environ:
            raise WorkloadsError(
                "this is no process of the laptop's platform; a pipeline run there deploys versions"
            )
        return {}
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    try:
        return dict(api.read_namespaced_config_map(STEP_ENVIRONMENT, endpoints.pipelines_namespace).data)
    except client.ApiException as error:
        raise WorkloadsError(
            f"config map {STEP_ENVIRONMENT} in {endpoints.pipelines_namespace}: HTTP {error.status}; "
            "is the platform up?"
        ) from None
