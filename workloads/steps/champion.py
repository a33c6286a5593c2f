"""Puts the champion of a model back into service, so that the service and the alias agree.

Embedded in the step that verifies a served model, so it imports nothing of this repository.
"""

# mlflow and kubernetes ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

import os
from typing import Any


def serve_champion(model_name: str) -> tuple[str, str]:
    """Undo this run's deployment of a version that is not proven.

    Returns:
        What is served now, in words, and the digest of the champion; empty if it was not put back.
    """
    import mlflow
    from kubernetes import client, config

    config.load_incluster_config()
    api: Any = client.CustomObjectsApi()
    namespace = os.environ["PLINTH_MODELS_NAMESPACE"]
    place = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices", model_name)
    deployed = api.get_namespaced_custom_object(*place)
    run_id = deployed["metadata"]["annotations"].get("plinth.dev/pipeline-run-id")
    if run_id != os.environ["KFP_RUN_ID"]:
        return f"pipeline run {run_id} deployed after this one", ""
    registry = mlflow.MlflowClient()
    champion = registry.get_registered_model(model_name).aliases.get("champion")
    if champion is None:
        api.delete_namespaced_custom_object(*place)
        return "no version was proven before it, so none is served", ""
    version = registry.get_model_version(model_name, champion)
    location = registry.get_model_version_download_uri(model_name, champion)
    # Same keys as workloads.serving.served_version.ServedVersion.
    annotations = {
        "plinth.dev/model-version": str(champion),
        "plinth.dev/model-digest": version.tags["model.digest"],
        "plinth.dev/mlflow-run-id": version.run_id,
        "plinth.dev/data-sha256": version.tags["data.sha256"],
        "plinth.dev/pipeline-run-id": version.tags["kfp.pipeline_run_id"],
    }
    predictor = {
        "annotations": {"plinth.dev/pipeline-run-id": version.tags["kfp.pipeline_run_id"]},
        "model": {"storageUri": _storage_uri(location, os.environ["PLINTH_ARTIFACTS_DESTINATION"])},
    }
    body = {"metadata": {"annotations": annotations}, "spec": {"predictor": predictor}}
    api.patch_namespaced_custom_object(*place, body=body)
    return f"version {champion} is served again", version.tags["model.digest"]


def _storage_uri(artifact_uri: str, destination: str) -> str:
    # Same rule as workloads.serving.artifacts.storage_uri.
    scheme, _, rest = artifact_uri.partition(":")
    if scheme != "mlflow-artifacts":
        return artifact_uri.rstrip("/")
    path = rest.removeprefix("//").partition("/")[2] if rest.startswith("//") else rest.lstrip("/")
    return f"{destination.rstrip('/')}/{path.rstrip('/')}"
