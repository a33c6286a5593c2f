"""Runtimes that every namespace may name in a TrainJob: image, environment and failures of the nodes."""

from typing import Any, Final

from components import manifests
from components.shapes import pod_security
from workloads.contract import STEP_ENVIRONMENT, TRAINING_RUNTIME, StepVariable

NODE_LABEL: Final = "plinth.dev/training-node"
"""Label of the pods of all runtimes; they connect to each other."""
RESTARTS: Final = 2
"""How often all nodes start again together after one of them was lost; after that the training fails."""
_PROJECT = "trainer"
_MODULE = "github.com/kubeflow/trainer/v2"
_FOLDER = "manifests/base/runtimes"
_SCRATCH = "2Gi"


def xgboost(image: str) -> dict[str, Any]:
    """Return the runtime for XGBoost: upstream's, with our image and restricted pods.

    Args:
        image: An image with XGBoost, whose node number 0 also runs the tracker of the others.
    """
    found = manifests.find(
        manifests.load(_PROJECT, _MODULE, f"{_FOLDER}/xgboost_distributed.yaml"),
        "ClusterTrainingRuntime",
        TRAINING_RUNTIME,
    )
    template = found["spec"]["template"]["spec"]
    # Whatever one node knows of the others is gone with a lost one: all of them start again.
    template["failurePolicy"] = {"maxRestarts": RESTARTS}
    for job in template["replicatedJobs"]:
        spec = job["template"]["spec"]
        spec["backoffLimit"] = 0
        spec["template"]["metadata"] = {"labels": {NODE_LABEL: "true"}}
        spec["template"]["spec"] = _pod(spec["template"]["spec"]["containers"][0]["name"], image)
    return found


def _pod(name: str, image: str) -> dict[str, Any]:
    user = pod_security.USER
    endpoint = {
        "name": STEP_ENVIRONMENT,
        "key": StepVariable.TRACKING_URI.value,
        # A namespace may have TrainJobs and no pipelines.
        "optional": True,
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": name,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                # A program of a user writes its source into the folder that it starts in.
                "workingDir": "/tmp",
                "env": [
                    {"name": "HOME", "value": "/tmp"},
                    {
                        "name": StepVariable.TRACKING_URI.value,
                        "valueFrom": {"configMapKeyRef": endpoint},
                    },
                ],
                # The last lines of a program that fails are the reason of its pod.
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"memory": "1Gi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH}}],
    }
