"""Runs of the reference pipeline, as journeys make them."""

from typing import Any

from workloads import datasets, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.pipeline_runs import PipelineRun
from workloads.tracking import connect

PIPELINE = "train_register_serve"
# A bound for a loaded machine; a quiet one needs a quarter of it.
CHAIN_SECONDS = 900


def submitted(endpoints: Endpoints, data: str, target: str = "target", **choices: Any) -> str:
    """Submit a run as `python -m workloads run` does; return its id."""
    dataset = datasets.prepare(endpoints, data, target)
    return pipeline_runs.submit(endpoints, PIPELINE, pipeline_runs.parameters(dataset, **choices))


def ended(endpoints: Endpoints, run_id: str) -> PipelineRun:
    """Wait for the end of a run, however it ends."""
    return pipeline_runs.finished(endpoints, run_id, timeout_seconds=CHAIN_SECONDS)


def succeeded(endpoints: Endpoints, data: str, target: str = "target", **choices: Any) -> PipelineRun:
    """Run the chain to its end, which must be a good one."""
    run = ended(endpoints, submitted(endpoints, data, target, **choices))
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    return run


def versions(endpoints: Endpoints, model_name: str) -> list[int]:
    """Return the numbers of all versions of a registered model, in order."""
    found = connect(endpoints).search_model_versions(f"name = '{model_name}'", max_results=1000)
    return sorted(int(version.version) for version in found)
