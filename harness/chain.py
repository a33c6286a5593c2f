"""Runs of the reference pipelines, as journeys need them."""

from typing import Any

from workloads import datasets, object_store, pipeline_runs, predictions
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import PipelineRun
from workloads.pipelines import inputs
from workloads.serving.inference_services import InferenceServices
from workloads.tracking import connect

PIPELINE = "train_register_serve"
# A bound for a loaded machine; an idle one needs a quarter of it.
CHAIN_SECONDS = 900

# A file as a user might have it: its own name for the class, a quoted comma, Windows line ends.
_FLOWERS = "petal,sepal,kind\r\n" + "".join(
    f'{2 + n % 5 + 5 * (n % 2)}.{n},{n % 7}.5,"{("small, white", "large")[n % 2]}"\r\n' for n in range(60)
)


def submit(endpoints: Endpoints, dataset: Dataset, **choices: Any) -> str:
    """Submit a run on a data set and return its id."""
    return pipeline_runs.submit(endpoints, PIPELINE, inputs.for_training(dataset, **choices))


def prepare_and_submit(endpoints: Endpoints, data: str, target: str = "target", **choices: Any) -> str:
    """Submit a run as `python -m workloads run` does, and return its id."""
    return submit(endpoints, datasets.prepare(endpoints, data, target), **choices)


def wait_until_finished(endpoints: Endpoints, run_id: str) -> PipelineRun:
    """Wait until a run has ended, successfully or not."""
    return pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=CHAIN_SECONDS)


def run(endpoints: Endpoints, data: str, target: str = "target", **choices: Any) -> PipelineRun:
    """Run the pipeline and return its result.

    Raises:
        WorkloadsError: it did not succeed.
    """
    result = wait_until_finished(endpoints, prepare_and_submit(endpoints, data, target, **choices))
    if result.state != pipeline_runs.SUCCEEDED:
        raise WorkloadsError(f"pipeline run {result.run_id}: {result.state}: {result.reason}")
    return result


def submit_prediction(endpoints: Endpoints, data: str, model_name: str, **choices: Any) -> str:
    """Submit a run that predicts a table as `python -m workloads run` does, and return its id."""
    arguments = predictions.prepare(endpoints, data, model_name, **choices)
    return pipeline_runs.submit(endpoints, "predict_batch", arguments, cache=False)


def predict(endpoints: Endpoints, data: str, model_name: str, **choices: Any) -> PipelineRun:
    """Predict a table, and wait until the run has ended, successfully or not."""
    return wait_until_finished(endpoints, submit_prediction(endpoints, data, model_name, **choices))


def upload(endpoints: Endpoints, name: str, content: bytes) -> str:
    """Upload a file to the place for users' files and return its address."""
    bucket, key = endpoints.pipelines_bucket, f"data/{name}"
    object_store.pipelines_store(endpoints).put_object(Bucket=bucket, Key=key, Body=content)
    return f"s3://{bucket}/{key}"


def submit_all(endpoints: Endpoints) -> dict[str, str]:
    """Submit runs for the models that journeys need besides that of `make up`; return their ids by model."""
    flowers = upload(endpoints, "flowers.csv", _FLOWERS.encode())
    prepared = [
        datasets.prepare(endpoints, "breast_cancer", "target"),
        datasets.prepare(endpoints, flowers, "kind", name="flowers"),
    ]
    if InferenceServices(endpoints).of_model("wine") is None:
        prepared.append(datasets.prepare(endpoints, "wine", "target"))
    return {dataset.model_name: submit(endpoints, dataset) for dataset in prepared}


def versions(endpoints: Endpoints, model_name: str) -> list[int]:
    """Return the numbers of all versions of a registered model, in order."""
    found = connect(endpoints).search_model_versions(f"name = '{model_name}'", max_results=1000)
    return sorted(int(version.version) for version in found)
