"""InferenceServices as dicts: KServe's own SDK cannot be installed beside kfp (protobuf)."""

from typing import Any


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
    """Return an inference service of one MLflow model.

    Args:
        name: Its name, and the name of the model in request paths.
        namespace: Where it lives.
        storage_uri: Folder of the model in the object store.
        runtime: The serving runtime, by name: two that match a format would be chosen between by chance.
        service_account: May read the folder.
        annotations: What the lineage needs.
        replicas: Pods, always as many: nothing here scales by load.
    """
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
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
            "annotations": {
                **(annotations or {}),
                # Without it KServe makes a HorizontalPodAutoscaler even where minimum and maximum are equal.
                "serving.kserve.io/autoscalerClass": "none",
            },
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
                        "requests": {"cpu": "100m", "memory": "384Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                },
            }
        },
    }


def candidate_name(model_name: str) -> str:
    """Return the inference service that serves a candidate beside its model."""
    return f"{model_name}-candidate"


def template() -> dict[str, Any]:
    """Return an inference service whose name, place, model and runtime the deploy step fills in."""
    return inference_service("", "", storage_uri="", runtime="", service_account="")
