"""User of Kubeflow Pipelines: submits a pipeline of one small step and polls until it has ended."""

import time
from typing import Any, ClassVar, Final

from loadtests import wait
from loadtests.users.open_loop import FaultError, OpenLoopUser

_TERMINAL: Final = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
_POLL_SECONDS: Final = 1.0
_RUNS: Final = "/apis/v2beta1/runs"


def pipeline_spec(image: str) -> dict[str, Any]:
    """Return a pipeline of one step that ends at once and is never cached."""
    container = {
        "image": image,
        "command": ["python3", "-c", "print('done')"],
        "resources": {
            "cpuRequest": 0.05,
            "memoryRequest": 0.064,
            "memoryLimit": 0.256,
            "resourceCpuRequest": "50m",
            "resourceMemoryRequest": "64Mi",
            "resourceMemoryLimit": "256Mi",
        },
    }
    task = {
        "componentRef": {"name": "comp-step"},
        "taskInfo": {"name": "step"},
        "cachingOptions": {},
    }
    return {
        "pipelineInfo": {"name": "loadtests"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.14.3",
        "components": {"comp-step": {"executorLabel": "exec-step"}},
        "deploymentSpec": {"executors": {"exec-step": {"container": container}}},
        "root": {"dag": {"tasks": {"step": task}}},
    }


class PipelinesUser(OpenLoopUser):
    """A scheduler that waits for each run that it submits."""

    host_name: ClassVar[str]
    body: ClassVar[dict[str, Any]]
    submitted: ClassVar[list[str]]

    @classmethod
    def prepare(cls) -> None:
        """Build the pipeline."""
        cls.host_name = cls.access.endpoints.pipelines_host
        cls.body = {
            "display_name": "loadtests",
            "pipeline_spec": pipeline_spec(cls.access.endpoints.workload_image),
        }
        cls.submitted = []

    @classmethod
    def finish(cls) -> None:
        """Delete the runs."""
        for run in cls.submitted:
            cls.access.call("DELETE", cls.host_name, f"{_RUNS}/{run}")

    def perform(self, operation: str) -> None:
        """Submit one run and wait for its end."""
        del operation
        deadline = time.monotonic() + self.arrivals.profile.drain_seconds
        run = self.send_json("POST", _RUNS, host=self.host_name, name="submit", body=self.body)["run_id"]
        self.submitted.append(run)
        while time.monotonic() < deadline:
            state = self.send_json("GET", f"{_RUNS}/{run}", host=self.host_name, name="poll").get("state")
            if state == "SUCCEEDED":
                return
            if state in _TERMINAL:
                raise FaultError(f"pipeline run ended {state}")
            wait.pause(_POLL_SECONDS)
        raise FaultError(f"pipeline run not ended within {self.arrivals.profile.drain_seconds:.0f} s")
