"""Puts the champion of a model back into service, so that the service and the alias agree.

Embedded in the steps that serve and verify a version, with the modules that it imports from here.
"""

# mlflow and kubernetes ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

import os
from collections.abc import Callable
from typing import Any

from workloads.serving.artifacts import storage_uri
from workloads.serving.runtime_choice import chosen_runtime
from workloads.serving.served_version import ServedVersion, annotation


def put_back(model_name: str, wait_for: Callable[[str], None] = lambda _: None) -> str:
    """Serve the champion again after a failure, and return in words what is served now; never raises.

    Args:
        model_name: The registered model, and the name of its InferenceService.
        wait_for: Called with the digest that the service must answer with.
    """
    try:
        served, digest = serve_champion(model_name)
        if digest:
            wait_for(digest)
    except Exception as error:
        return f"the champion could not be put back: {(str(error).splitlines() or [''])[0]}"
    return served


def serve_champion(model_name: str) -> tuple[str, str]:
    """Undo this run's deployment of a version that is not proven.

    Returns:
        What is served now, in words, and the digest of the champion; empty if it was not put back.
    """
    import mlflow
    from kubernetes import client, config

    # The account of the pod; on a laptop a kubeconfig stands for it.
    load = config.load_kube_config if "KUBECONFIG" in os.environ else config.load_incluster_config
    load()
    api: Any = client.CustomObjectsApi()
    namespace = os.environ["PLINTH_MODELS_NAMESPACE"]
    place = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices", model_name)
    deployed = api.get_namespaced_custom_object(*place)
    run_id = deployed["metadata"]["annotations"].get(annotation("pipeline_run_id"))
    if run_id != os.environ["KFP_RUN_ID"]:
        return f"pipeline run {run_id} deployed after this one", ""
    registry = mlflow.MlflowClient()
    champion = registry.get_registered_model(model_name).aliases.get("champion")
    if champion is None:
        api.delete_namespaced_custom_object(*place)
        return "no version was proven before it, so none is served", ""
    version = registry.get_model_version(model_name, champion)
    location = registry.get_model_version_download_uri(model_name, champion)
    record = ServedVersion(
        model_name=model_name,
        model_version=str(champion),
        model_digest=version.tags["model.digest"],
        mlflow_run_id=str(version.run_id),
        data_sha256=version.tags["data.sha256"],
        pipeline_run_id=version.tags["kfp.pipeline_run_id"],
    )
    predictor = {
        "annotations": {annotation("pipeline_run_id"): record.pipeline_run_id},
        "model": {
            "runtime": chosen_runtime(model_name, record.model_version),
            "storageUri": storage_uri(location, os.environ["PLINTH_ARTIFACTS_DESTINATION"]),
        },
    }
    body = {"metadata": {"annotations": record.to_annotations()}, "spec": {"predictor": predictor}}
    api.patch_namespaced_custom_object(*place, body=body)
    return f"version {champion} is served again", record.model_digest
