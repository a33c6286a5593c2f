"""The GPU pod: whose it is, what it waits for, and that it is deleted whatever happens."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.errors import ClusterError
from harness.rehearsal import gpu_pod
from infra.errors import InfraError
from infra.kubectl import Kubectl
from infra.settings import stack_file


class FakeKubectl:
    """Answers for a pod that has this status."""

    def __init__(self, folder: Path, status: dict[str, Any]) -> None:
        self.kubeconfig = folder / "kubeconfig"
        self.status = status
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, *arguments: str, seconds: float = 30) -> str:
        self.calls.append(arguments)
        if "logs" in arguments:
            return "GPU 0: NVIDIA L4\n"
        return json.dumps({"status": self.status})


def run(fake: FakeKubectl) -> str:
    return gpu_pod.run(cast("Kubectl", fake), "research", "workload:1", seconds=0)


def test_the_first_team_with_gpus_runs_it() -> None:
    assert gpu_pod.team(stack_file.settings("prod")) == "research"
    with pytest.raises(InfraError, match="no team of the stack has a gpuQuota"):
        gpu_pod.team(stack_file.settings("local"))


def test_it_asks_for_one_gpu_within_the_restricted_standard() -> None:
    spec = gpu_pod.pod("research", "workload:1")["spec"]
    (container,) = spec["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["securityContext"]["runAsNonRoot"]


def test_its_log_is_what_it_saw(tmp_path: Path) -> None:
    fake = FakeKubectl(tmp_path, {"phase": "Succeeded"})
    assert run(fake) == "GPU 0: NVIDIA L4\n"
    assert fake.calls[0][0] == "create"
    assert "delete" in fake.calls[-1]


@pytest.mark.parametrize("phase", ["Pending", "Failed"])
def test_a_pod_that_does_not_succeed_says_why_and_is_deleted(tmp_path: Path, phase: str) -> None:
    why = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes have nvidia.com/gpu"}
    fake = FakeKubectl(tmp_path, {"phase": phase, "conditions": [why]})
    with pytest.raises(ClusterError, match="0/3 nodes have nvidia"):
        run(fake)
    assert "delete" in fake.calls[-1]
    assert not list(tmp_path.iterdir())
