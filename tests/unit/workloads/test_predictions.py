"""Predictions of tables: what is refused before anything is submitted, and what a run has left behind."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from mlflow.data import dataset_source_registry, meta_dataset

from tests.fixtures.platforms import ENDPOINTS
from tests.unit.workloads.steps.trained import trained
from workloads import object_store, predictions
from workloads.errors import WorkloadsError
from workloads.predictions import Predictions, broken_links

LAPTOP = dataclasses.replace(ENDPOINTS, local_model_url="http://127.0.0.1:5002")


class Store:
    """An object store that holds some files, or an error."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = {name.replace("_", "."): size for name, size in sizes.items()}
        self.error: Exception | None = None

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        assert Bucket == "pipelines"
        if self.error:
            raise self.error
        if Key not in self.sizes:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"ContentLength": self.sizes[Key], "Metadata": {"Sha256": "s1"}}


@pytest.fixture
def store(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A platform whose registry has two versions of wine, the first one champion."""
    found = trained(step_environment)
    for _ in range(2):
        mlflow.register_model(f"models:/{found.model_id}", "wine")
    mlflow.MlflowClient().set_registered_model_alias("wine", "champion", "1")
    held = Store(a_csv=9, empty_csv=0, taken_csv=5)
    monkeypatch.setattr(object_store, "pipelines_store", lambda _: held)
    monkeypatch.setattr(predictions, "connect", lambda _: mlflow.MlflowClient())
    return held


def test_an_alias_becomes_the_version_that_it_names_now(store: Store) -> None:
    made = predictions.prepare(ENDPOINTS, "s3://pipelines/a.csv", "wine", keep=("id",))
    assert made == {
        "data": "s3://pipelines/a.csv",
        "model_name": "wine",
        "version": "1",
        "output": "",
        "keep": ["id"],
    }
    assert predictions.prepare(ENDPOINTS, "s3://pipelines/a.csv", "wine", version="2")["version"] == "2"


@pytest.mark.parametrize(
    ("data", "name", "choices", "reason"),
    [
        ("wine", "wine", {}, "data wine: no table that this run can reach; give s3://bucket/key with"),
        (
            "s3://pipelines/b.csv",
            "wine",
            {},
            "data s3://pipelines/b.csv: cannot be read (404); upload it there first",
        ),
        (
            "s3://pipelines/empty.csv",
            "wine",
            {},
            "data s3://pipelines/empty.csv: an empty file; give one with",
        ),
        ("s3://pipelines/a.csv", "beer", {}, "model beer: is not registered; run train_register_serve first"),
        (
            "s3://pipelines/a.csv",
            "wine",
            {"version": "7"},
            "model wine: has no version '7'; it has versions 1, 2 and",
        ),
        (
            "s3://pipelines/a.csv",
            "wine",
            {"output": "s3://pipelines/taken.csv"},
            "output s3://pipelines/taken.csv: ex",
        ),
        (
            "s3://pipelines/a.csv",
            "wine",
            {"output": "s3://pipelines/out"},
            "output s3://pipelines/out: no table that",
        ),
        (
            "file:///tmp/a.csv",
            "wine",
            {},
            "data file:///tmp/a.csv: no table that this run can reach; give s3://b",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_submitted(
    store: Store, data: str, name: str, choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WorkloadsError) as refused:
        predictions.prepare(ENDPOINTS, data, name, **choices)
    assert str(refused.value).startswith(reason)


def test_an_object_store_that_does_not_answer_is_one_line(store: Store) -> None:
    store.error = EndpointConnectionError(endpoint_url="http://objects")
    with pytest.raises(
        WorkloadsError, match=r"the object store does not answer \(.*\); is the platform up\?"
    ):
        predictions.prepare(ENDPOINTS, "s3://pipelines/a.csv", "wine")


def test_without_a_platform_a_file_is_given_by_its_path(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a b.csv"
    file.write_text("x\n1\n")
    made = predictions.prepare(LAPTOP, str(file), "wine", output=str(tmp_path / "out.parquet"))
    assert (made["data"], made["output"]) == (file.as_uri(), (tmp_path / "out.parquet").as_uri())
    with pytest.raises(
        WorkloadsError, match=r"data s3://pipelines/a\.csv: no table that this run can reach; give a "
    ):
        predictions.prepare(LAPTOP, "s3://pipelines/a.csv", "wine")


COMPLETE = Predictions(
    pipeline_run_id="p1",
    model_name="wine",
    tags={
        "data.sha256": "d1",
        "model.digest": "m1",
        "predictions.sha256": "s1",
        "predictions.uri": "s3://b/a.csv",
    },
    metrics={"rows": 3.0},
    mlflow_run_id="r1",
    dataset_sha256="d1",
    registered_digest="m1",
    written={"sha256": "s1", "mlflow-run-id": "r1", "pipeline-run-id": "p1"},
)


@pytest.mark.parametrize(
    ("change", "link"),
    [
        ({"dataset_sha256": "d0"}, "predictions -> data set: 'd0', not 'd1'"),
        ({"registered_digest": "m0"}, "predictions -> model: 'm0', not 'm1'"),
        ({"written": {**COMPLETE.written, "sha256": "s0"}}, "output -> its bytes: 's0', not 's1'"),
        ({"mlflow_run_id": "r0"}, "output -> MLflow run: 'r1', not 'r0'"),
        ({"pipeline_run_id": "p0"}, "output -> pipeline run: 'p1', not 'p0'"),
    ],
)
def test_a_broken_link_is_named(change: dict[str, Any], link: str) -> None:
    assert broken_links(COMPLETE) == []
    assert broken_links(dataclasses.replace(COMPLETE, **change)) == [link]


def test_a_version_of_no_pipeline_has_no_digest_to_compare_with() -> None:
    assert broken_links(dataclasses.replace(COMPLETE, registered_digest="")) == []


@pytest.fixture
def logged(store: Store, tmp_path: Path) -> Callable[[str], str]:
    """Logs the run of a step that has predicted, and returns its id."""

    def log(output: str) -> str:
        mlflow.MlflowClient().set_model_version_tag("wine", "1", "model.digest", "m1")
        tags = {
            "kfp.pipeline_run_id": "p1",
            "kfp.task": predictions.STEP,
            "model.version": "1",
            "model.digest": "m1",
            "data.sha256": "d1",
            "predictions.uri": output,
            "predictions.sha256": hashlib.sha256(b"x").hexdigest(),
        }
        mlflow.set_experiment("wine")
        with mlflow.start_run(tags=tags) as run:
            source = dataset_source_registry.resolve_dataset_source("s3://pipelines/a.csv")
            dataset = meta_dataset.MetaDataset(source, "a.csv", "d1")
            mlflow.log_input(dataset, tags={"data.sha256": "d1"})
            mlflow.log_metrics({"rows": 3})
        return run.info.run_id

    return log


def test_predictions_are_traced_from_their_pipeline_run(logged: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_bytes(b"x")
    run_id = logged(file.as_uri())
    found = predictions.trace(LAPTOP, "wine", "p1")
    assert (found.mlflow_run_id, found.output, found.metrics["rows"]) == (run_id, file.as_uri(), 3)
    assert broken_links(found) == []
    file.write_bytes(b"y")
    (broken,) = broken_links(predictions.trace(LAPTOP, "wine", "p1"))
    assert broken.startswith("output -> its bytes: ")
    with pytest.raises(WorkloadsError, match="pipeline run p2: has predicted nothing with wine"):
        predictions.trace(LAPTOP, "wine", "p2")


def test_an_object_tells_where_it_came_from(logged: Callable[[str], str]) -> None:
    logged("s3://pipelines/a.csv")
    assert predictions.trace(ENDPOINTS, "wine", "p1").written == {"sha256": "s1"}
