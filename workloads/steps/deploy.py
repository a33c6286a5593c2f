"""Step: deploy a model version to KServe, next to the one that serves, and wait until it is ready."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import Any

from kfp import dsl

from workloads import contract, errors
from workloads.contract import MODEL_LABEL
from workloads.serving import runtime_choice, served_version
from workloads.serving.runtime_choice import chosen_runtime
from workloads.serving.served_version import ServedVersion, annotation
from workloads.steps import WORKLOAD_IMAGE
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def deploy(  # noqa: C901, PLR0915 - a step is one function
    inference_service: dict,
    model_name: str,
    model_version: str,
    model_digest: str,
    storage_uri: str,
    mlflow_run_id: str,
    data_sha256: str,
) -> None:
    """Create the InferenceService of a version. It answers as its model, but gets none of its requests.

    If no pod becomes ready, the service is deleted again: no caller has noticed it.

    Args:
        inference_service: Template of the InferenceService; this step fills in what depends on the run.
        model_name: The registered model.
        model_version: The version to serve.
        model_digest: Digest of its files.
        storage_uri: Location of its files in the object store.
        mlflow_run_id: The MLflow run that trained it.
        data_sha256: SHA-256 of its training data.
    """
    import os

    from kubernetes import client, config, watch

    def why_it_ended(ended: Any) -> str:
        lines = (ended.message or "").strip().splitlines()
        if ended.reason == "OOMKilled":
            return "out of memory: the model needs more than the container's limit"
        return lines[-1] if lines else ended.reason or "no message"

    # The account of the pod; on a laptop a kubeconfig stands for it.
    load = config.load_kube_config if "KUBECONFIG" in os.environ else config.load_incluster_config
    load()
    api: Any = client.CustomObjectsApi()
    namespace = os.environ["PLINTH_MODELS_NAMESPACE"]
    kind = {
        "group": "serving.kserve.io",
        "version": "v1beta1",
        "namespace": namespace,
        "plural": "inferenceservices",
    }
    run_id = os.environ["KFP_RUN_ID"]
    # Same rule as workloads.serving.inference_service.version_service.
    name = f"{model_name}-v{model_version}"
    body = inference_service
    metadata = body["metadata"]
    metadata.update(name=name, namespace=namespace)
    metadata["labels"] |= {"app.kubernetes.io/instance": name, MODEL_LABEL: model_name}
    metadata["annotations"] |= ServedVersion(
        model_name=model_name,
        model_version=model_version,
        model_digest=model_digest,
        mlflow_run_id=mlflow_run_id,
        data_sha256=data_sha256,
        pipeline_run_id=run_id,
    ).to_annotations()
    predictor = body["spec"]["predictor"]
    # The status of an InferenceService does not name the generation that it describes; this marks its pods.
    predictor["annotations"] = {annotation("pipeline_run_id"): run_id}
    predictor["serviceAccountName"] = os.environ["PLINTH_MODELS_SERVICE_ACCOUNT"]
    predictor["model"]["runtime"] = chosen_runtime(model_name, model_version)
    predictor["model"]["storageUri"] = storage_uri

    def wait_until_ready() -> None:
        selector = f"serving.kserve.io/inferenceservice={name}"
        changes: Any = watch.Watch().stream(
            client.CoreV1Api().list_namespaced_pod, namespace, label_selector=selector, timeout_seconds=300
        )
        for change in changes:
            pod: Any = change["object"]
            # A step that is tried again may find the pod of an earlier attempt.
            if (pod.metadata.annotations or {}).get(annotation("pipeline_run_id")) != run_id:
                continue
            if any(
                condition.type == "Ready" and condition.status == "True"
                for condition in pod.status.conditions or []
            ):
                return
            for container in (pod.status.init_container_statuses or []) + (
                pod.status.container_statuses or []
            ):
                what = f"inference service {name}: {container.name}"
                ended = container.state.terminated or container.last_state.terminated
                if ended and ended.exit_code:
                    raise RuntimeError(f"{what} ended with {ended.exit_code}: {why_it_ended(ended)}")
                waiting = container.state.waiting
                if waiting and waiting.reason in (
                    "ImagePullBackOff",
                    "InvalidImageName",
                    "ErrImageNeverPull",
                ):
                    raise RuntimeError(f"{what} cannot start: {waiting.reason}: {waiting.message}")
        status = api.get_namespaced_custom_object(**kind, name=name).get("status", {})
        reasons = [
            f"{each['type']}: {each['message']}"
            for each in status.get("conditions", [])
            if each.get("message")
        ]
        raise TimeoutError(
            f"inference service {name}: no pod ready within 300 s: {'; '.join(reasons) or status}"
        )

    try:
        api.create_namespaced_custom_object(**kind, body=body)
    except client.ApiException as error:
        # An earlier attempt of this step has created it.
        if error.status != 409:
            raise
        api.patch_namespaced_custom_object(**kind, name=name, body=body)
    try:
        wait_until_ready()
    except Exception:
        try:
            api.delete_namespaced_custom_object(**kind, name=name)
        except client.ApiException as error:
            # Somebody else has deleted it, which may be why no pod got ready.
            if error.status != 404:
                raise
        raise


embed(deploy, contract, errors, runtime_choice, served_version)
