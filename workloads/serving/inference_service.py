"""InferenceServices as dicts: KServe's own SDK cannot be installed next to kfp (both pin protobuf)."""

from collections.abc import Mapping
from typing import Any, Final

from workloads.contract import MODEL_LABEL
from workloads.serving.served_version import ServedVersion

API_VERSION: Final = "serving.kserve.io/v1beta1"
_NO_AUTOSCALER: Final = {"serving.kserve.io/autoscalerClass": "none"}
"""Without it KServe creates a HorizontalPodAutoscaler even where minimum and maximum are equal."""


def inference_service(
    name: str,
    namespace: str,
    *,
    storage_uri: str,
    runtime: str,
    service_account: str,
    annotations: dict[str, str] | None = None,
    replicas: int = 1,
) -> dict[str, Any]:
    """Return an InferenceService of one MLflow model.

    Args:
        name: Its name; without `MODEL_LABEL` also the name of the model in request paths.
        namespace: Its namespace.
        storage_uri: Folder of the model in the object store.
        runtime: The serving runtime by name: if two match a format, KServe picks one at random.
        service_account: Account that may read the folder.
        annotations: The version that it serves.
        replicas: Number of pods; nothing scales them by load.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": "model",
                "app.kubernetes.io/instance": name,
                "app.kubernetes.io/component": "predictor",
                "app.kubernetes.io/part-of": "plinth",
                "app.kubernetes.io/managed-by": "pipeline",
            },
            "annotations": {**(annotations or {}), **_NO_AUTOSCALER},
        },
        "spec": {
            "predictor": {
                "minReplicas": replicas,
                "maxReplicas": replicas,
                "serviceAccountName": service_account,
                "model": {
                    "modelFormat": {"name": "mlflow", "version": "3"},
                    "protocolVersion": "v2",
                    "runtime": runtime,
                    "storageUri": storage_uri,
                    "resources": {
                        "requests": {"cpu": "50m", "memory": "384Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                },
            }
        },
    }


def version_service(model_name: str, version: str) -> str:
    """Return the name of the InferenceService of one version of a model.

    Each version has its own, which answers as the model: a rollout changes a route and restarts no pod.
    """
    return f"{model_name}-v{version}"


def template() -> dict[str, Any]:
    """Return an InferenceService whose name, labels, namespace and model the deploy step fills in."""
    return inference_service("", "", storage_uri="", runtime="", service_account="")


def copy_under_name(
    service: Mapping[str, Any], name: str, version: ServedVersion | None = None
) -> dict[str, Any]:
    """Return a copy of a service to apply under another name, without what the API server added.

    Args:
        service: The service as the API server returned it.
        name: Name of the copy.
        version: The version that the copy records; without one it records none, and answers by its own name.
    """
    metadata = service["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != MODEL_LABEL}
    model = {MODEL_LABEL: version.model_name} if version else {}
    return {
        "apiVersion": service["apiVersion"],
        "kind": service["kind"],
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {**labels, **model, "app.kubernetes.io/instance": name},
            "annotations": {**(version.to_annotations() if version else {}), **_NO_AUTOSCALER},
        },
        "spec": service["spec"],
    }
