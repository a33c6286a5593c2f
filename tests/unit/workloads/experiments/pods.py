"""The pod of a step that searches, as the Kubernetes API shows it."""

from typing import Any

IMAGE = "plinth/workload:abc"


def step(**labels: str) -> dict[str, Any]:
    """Return the pod, with further labels."""
    environment = [
        {"name": "KFP_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MLFLOW_TRACKING_URI", "valueFrom": {"configMapKeyRef": {"name": "plinth-endpoints"}}},
        {"name": "MLFLOW_TRACKING_TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys"}}},
        {"name": "OMP_NUM_THREADS", "value": "1"},
    ]
    main = {
        "name": "main",
        "image": IMAGE,
        "env": environment,
        "resources": {"limits": {"memory": "3Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    return {
        "metadata": {"name": "tune-1", "uid": "u1", "labels": labels},
        "spec": {
            "serviceAccountName": "pipeline-runner",
            "securityContext": {"runAsNonRoot": True},
            "containers": [{"name": "wait"}, main],
        },
    }
