"""Predictions of whole tables: checked before a run is submitted, traced back from what it has written."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from workloads import object_store
from workloads.batches.table_files import address, error_code, refuse_taken
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.lineage import data_digest, unequal
from workloads.steps.registered import registered
from workloads.tracking import connect

STEP = "predict-table"
"""Task that predicts."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What the systems record about the predictions of one pipeline run."""

    pipeline_run_id: str
    model_name: str
    tags: dict[str, str]
    """Tags of the MLflow run."""
    metrics: dict[str, float]
    """rows, seconds and rows_per_second."""
    mlflow_run_id: str
    dataset_sha256: str
    """SHA-256 of the data set logged in that run."""
    registered_digest: str
    """Digest of the model version's files, by the registry."""
    written: dict[str, str]
    """sha256 of what is at the output's address, and there also mlflow-run-id and pipeline-run-id."""

    @property
    def output(self) -> str:
        """Address of the predictions."""
        return self.tags["predictions.uri"]


def broken_links(found: Predictions) -> list[str]:
    """Return one line for each link that does not hold; none if the lineage is complete."""
    tags = found.tags
    links = [
        ("predictions -> data set", found.dataset_sha256, tags.get("data.sha256")),
        # A version that nobody's pipeline has registered has no digest to compare with.
        (
            "predictions -> model",
            found.registered_digest or tags.get("model.digest"),
            tags.get("model.digest"),
        ),
        ("output -> its bytes", found.written.get("sha256"), tags.get("predictions.sha256")),
        ("output -> MLflow run", found.written.get("mlflow-run-id"), found.mlflow_run_id),
        ("output -> pipeline run", found.written.get("pipeline-run-id"), found.pipeline_run_id),
    ]
    return unequal(links)


def prepare(
    endpoints: Endpoints,
    data: str,
    model_name: str,
    *,
    version: str = "champion",
    output: str = "",
    keep: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the inputs of predict_batch: an alias becomes the number of the version that it names now.

    Raises:
        WorkloadsError: there is no such model or table, or something is at the output's address already.
    """
    local = bool(endpoints.local_model_url)
    data, output = (_as_address(each, local=local) if each else "" for each in (data, output))
    store: Any = None if local else object_store.pipelines_store(endpoints)
    try:
        bucket, key = address(data, "data", local=local)
        if store is None:
            size = Path(key).stat().st_size
        else:
            size = store.head_object(Bucket=bucket, Key=key)["ContentLength"]
        if not size:
            raise WorkloadsError(f"data {data}: an empty file; give one with a header and rows")
        if output:
            refuse_taken(output, store)
        found = registered(connect(endpoints), model_name, version)
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
    except (ClientError, OSError) as error:
        raise WorkloadsError(
            f"data {data}: cannot be read ({error_code(error)}); upload it there first"
        ) from None
    except BotoCoreError as error:
        raise WorkloadsError(
            f"data {data}: the object store does not answer ({error}); is the platform up?"
        ) from None
    return {
        "data": data,
        "model_name": model_name,
        "version": str(found.version),
        "output": output,
        "keep": list(keep),
    }


def trace(endpoints: Endpoints, model_name: str, pipeline_run_id: str) -> Predictions:
    """Follow the predictions of a pipeline run from MLflow to the registry and to the object store.

    Raises:
        WorkloadsError: the run has predicted nothing with that model.
    """
    mlflow = connect(endpoints)
    experiment = mlflow.get_experiment_by_name(model_name)
    query = f"tags.`kfp.pipeline_run_id` = '{pipeline_run_id}' and tags.`kfp.task` = '{STEP}'"
    runs = mlflow.search_runs([experiment.experiment_id], query) if experiment else []
    if not runs:
        raise WorkloadsError(f"pipeline run {pipeline_run_id}: has predicted nothing with {model_name}")
    run = runs[0]
    tags = dict(run.data.tags)
    version = mlflow.get_model_version(model_name, tags["model.version"])
    return Predictions(
        pipeline_run_id=pipeline_run_id,
        model_name=model_name,
        tags=tags,
        metrics=dict(run.data.metrics),
        mlflow_run_id=run.info.run_id,
        dataset_sha256=data_digest(run),
        registered_digest=version.tags.get("model.digest", ""),
        written=_written(endpoints, tags["predictions.uri"], run.info.run_id, pipeline_run_id),
    )


def _written(endpoints: Endpoints, uri: str, mlflow_run_id: str, pipeline_run_id: str) -> dict[str, str]:
    bucket, key = address(uri, "output", local=bool(endpoints.local_model_url))
    if bucket:
        store = object_store.pipelines_store(endpoints)
        found = store.head_object(Bucket=bucket, Key=key)["Metadata"]
        # S3 keeps the names in lower case; a proxy may write them as other headers, `Sha256`.
        return {name.lower(): value for name, value in found.items()}
    # A file keeps nothing beside its bytes.
    return {
        "sha256": hashlib.sha256(Path(key).read_bytes()).hexdigest(),
        "mlflow-run-id": mlflow_run_id,
        "pipeline-run-id": pipeline_run_id,
    }


def _as_address(given: str, *, local: bool) -> str:
    """Return the address of a file of this machine that is given by its path."""
    return Path(given).absolute().as_uri() if local and "://" not in given else given
