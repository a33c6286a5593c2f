"""Runs nvidia-smi in a pod of the first team that has GPUs: a node starts, and the pod sees its device."""

import json
import sys
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError
from cluster.wait import wait_for
from infra.errors import InfraError
from infra.kubectl import Kubectl
from infra.settings import stack_file
from infra.settings.stack import Settings
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_NAME = "rehearsal-gpu"
# A GPU node takes minutes to start, and spot capacity may take several tries.
_SECONDS = 30 * 60.0


def team(settings: Settings) -> str:
    """Return the first team with a quota of GPUs.

    Raises:
        InfraError: there is none.
    """
    for each in settings.teams:
        if any(each.gpu_quota.values()):
            return each.name
    raise InfraError("no team of the stack has a gpuQuota: give one a pool in plinth:teams")


def pod(namespace: str, image: str) -> dict[str, Any]:
    """Return a pod that lists its GPUs and ends."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _NAME, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "device",
                    "image": image,
                    # The container runtime adds the program where a pod has a device.
                    "command": ["nvidia-smi", "-L"],
                    "env": [{"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility"}],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "128Mi"},
                        "limits": {"memory": "256Mi", "nvidia.com/gpu": "1"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def progress(status: dict[str, Any]) -> str | None:
    """Return what a pod waits for, or None once it has succeeded.

    Raises:
        ClusterError: it failed.
    """
    phase = status.get("phase")
    if phase == "Succeeded":
        return None
    conditions = [
        f"{each['type']} is {each['status']}: {each['message']}"
        for each in status.get("conditions", [])
        if each.get("message")
    ]
    text = "; ".join(conditions) or f"phase {phase}"
    if phase == "Failed":
        raise ClusterError(f"pod {_NAME} failed: {text}")
    return text


def run(kubectl: Kubectl, namespace: str, image: str, seconds: float = _SECONDS) -> str:
    """Run the pod to its end, delete it, and return its log."""
    own = ("--namespace", namespace)

    def state() -> str | None:
        found = json.loads(kubectl(*own, "get", "pod", _NAME, "--output=json"))
        return progress(found["status"])

    manifest = Path(kubectl.kubeconfig).with_name(f"{_NAME}.json")
    manifest.write_text(json.dumps(pod(namespace, image)))
    kubectl("create", f"--filename={manifest}")
    try:
        wait_for("a pod with a GPU", state, timeout_seconds=seconds, interval_seconds=5)
        return kubectl(*own, "logs", _NAME)
    finally:
        kubectl(*own, "delete", "pod", _NAME, "--ignore-not-found", seconds=120)
        manifest.unlink()


def main(stack: str) -> int:
    """Run the pod on a stack and print what it saw; return the exit code."""
    try:
        namespace = team(stack_file.settings(stack))
        endpoints = Endpoints.of_stack(stack)
        seen = run(Kubectl(kubeconfig=Path(endpoints.kubeconfig)), namespace, endpoints.workload_image)
    except (ClusterError, InfraError, WorkloadsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(seen.strip())
    return 0 if "GPU " in seen else 1
