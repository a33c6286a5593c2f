"""Runs of the reference pipeline, as journeys make them."""

from typing import Any

from workloads import datasets, lineage, object_store, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import PipelineRun
from workloads.tracking import connect

PIPELINE = "train_register_serve"
# A bound for a loaded machine; a quiet one needs a quarter of it.
CHAIN_SECONDS = 900

# A file as a user would have one: its own name for the classes, a quoted comma, Windows line ends.
_FLOWERS = "petal,sepal,kind\r\n" + "".join(
    f'{2 + n % 5 + 5 * (n % 2)}.{n},{n % 7}.5,"{("small, white", "large")[n % 2]}"\r\n' for n in range(60)
)


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
    if run.state != pipeline_runs.SUCCEEDED:
        raise WorkloadsError(f"pipeline run {run.run_id}: {run.state}: {run.reason}")
    return run


def uploaded(endpoints: Endpoints, name: str, content: bytes) -> str:
    """Put a file where users put theirs; return its address."""
    bucket, key = endpoints.pipelines_bucket, f"data/{name}"
    object_store.pipelines_store(endpoints).put_object(Bucket=bucket, Key=key, Body=content)
    return f"s3://{bucket}/{key}"


def all_submitted(endpoints: Endpoints) -> dict[str, str]:
    """Submit a run for every model but that of `make up`; return their ids by model."""
    flowers = uploaded(endpoints, "flowers.csv", _FLOWERS.encode())
    wanted = {"breast_cancer": "target", flowers: "kind"}
    if lineage.inference_service(endpoints, "wine") is None:
        wanted["wine"] = "target"
    return {datasets.model_name(data): submitted(endpoints, data, target) for data, target in wanted.items()}


def versions(endpoints: Endpoints, model_name: str) -> list[int]:
    """Return the numbers of all versions of a registered model, in order."""
    found = connect(endpoints).search_model_versions(f"name = '{model_name}'", max_results=1000)
    return sorted(int(version.version) for version in found)
