"""Predictions of tables: equal to those of the model, whole or not there."""

import hashlib
import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from kfp import dsl
from moto import mock_aws

from tests.unit.workloads.steps.trained import Trained, mixed, trained
from workloads.batches import parts
from workloads.batches.answer_file import AnswerFile
from workloads.steps import predict_table
from workloads.steps.frames import frame_of

PREDICT: Any = predict_table.predict_table


@pytest.fixture
def store(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """An object store with an empty bucket."""
    monkeypatch.setenv("PLINTH_S3_ENDPOINT", "https://s3.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        client: Any = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="pipelines")
        yield client


def served(folder: Path, data: str = "wine", content: str = "", family: str = "linear") -> Trained:
    """Register a trained model as champion."""
    found = trained(folder, data, content, family)
    version = mlflow.register_model(f"models:/{found.model_id}", data)
    mlflow.MlflowClient().set_registered_model_alias(data, "champion", version.version)
    return found


def evidence_of(found: Trained) -> dict[str, Any]:
    return json.loads(Path(found.held_back.path).read_text())


def predict(data: str, name: str = "wine", **choices: Any) -> Any:
    made = {"version": "champion", "output": "", "keep": [], **choices}
    return PREDICT.python_func(data=data, model_name=name, metrics=dsl.Metrics(), **made)


def put(store: Any, key: str, content: bytes) -> str:
    store.put_object(Bucket="pipelines", Key=key, Body=content)
    return f"s3://pipelines/{key}"


def body(store: Any, uri: str) -> bytes:
    return store.get_object(Bucket="pipelines", Key=uri.removeprefix("s3://pipelines/"))["Body"].read()


def keys(store: Any) -> list[str]:
    return [each["Key"] for each in store.list_objects_v2(Bucket="pipelines").get("Contents", [])]


@pytest.mark.parametrize("family", ["linear", "xgboost"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_matrix_is_predicted_with_every_bit_of_the_models_answers(
    step_environment: Path, store: Any, family: str, suffix: str
) -> None:
    evidence = evidence_of(served(step_environment, family=family))
    frame = pd.DataFrame(evidence["rows"], columns=evidence["features"])[evidence["features"][::-1]]
    frame.insert(3, "bottle", [f"no. {at}, red" for at in range(len(frame))])
    buffer = io.BytesIO()
    frame.to_csv(buffer, index=False) if suffix == ".csv" else frame.to_parquet(buffer, index=False)
    data = put(store, f"data/many{suffix}", buffer.getvalue())
    output, rows, version, _ = predict(data, keep=["bottle"])
    assert (output, rows, version) == (f"s3://pipelines/predictions/wine/run-1{suffix}", 54, "1")
    file = io.BytesIO(body(store, output))
    found = pd.read_csv(file) if suffix == ".csv" else pd.read_parquet(file)
    assert list(found) == ["bottle", "prediction", *(f"probability_{name}" for name in evidence["classes"])]
    assert found["bottle"].tolist() == frame["bottle"].tolist()
    assert found["prediction"].tolist() == evidence["predicted"]
    assert found.iloc[:, 2:].to_numpy().tolist() == evidence["probabilities"]


@pytest.mark.parametrize("target", ["class", "quantity"])
def test_raw_columns_are_predicted_in_parts_as_the_model_answers_them(
    step_environment: Path, store: Any, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = served(step_environment, "mixed", mixed(target), "lightgbm")
    evidence = evidence_of(found)
    frame = frame_of(evidence["rows"], evidence["features"], evidence["kinds"])
    monkeypatch.setattr(parts, "_MOST_ROWS", 5)
    monkeypatch.setattr(parts, "_FEWEST_ROWS", 5)
    for name, content in (
        ("rows.csv", frame.to_csv(index=False).encode()),
        ("rows.parquet", frame.to_parquet()),
    ):
        output, rows, *_ = predict(
            put(store, name, content), "mixed", output=f"s3://pipelines/out/{name}.parquet"
        )
        assert rows == 18
        table = pq.read_table(io.BytesIO(body(store, output)))
        assert table.column("prediction").to_pylist() == evidence["predicted"]
        if target == "class":
            assert np.column_stack([table.column(at) for at in (1, 2)]).tolist() == evidence["probabilities"]


def test_the_run_names_the_table_the_version_and_what_was_written(step_environment: Path, store: Any) -> None:
    evidence = evidence_of(served(step_environment))
    content = pd.DataFrame(evidence["rows"], columns=evidence["features"]).to_csv(index=False).encode()
    output, _, _, run_id = predict(put(store, "data/many.csv", content))
    run: Any = mlflow.MlflowClient().get_run(run_id)
    tags, sha256 = run.data.tags, hashlib.sha256(content).hexdigest()
    assert (tags["data.uri"], tags["data.sha256"]) == ("s3://pipelines/data/many.csv", sha256)
    assert (tags["model.name"], tags["model.version"], len(tags["model.digest"])) == ("wine", "1", 64)
    assert (tags["kfp.pipeline_run_id"], tags["kfp.pod"]) == ("run-1", "pod-1")
    written = hashlib.sha256(body(store, output)).hexdigest()
    assert (tags["predictions.uri"], tags["predictions.sha256"]) == (output, written)
    head = store.head_object(Bucket="pipelines", Key="predictions/wine/run-1.csv")
    assert head["Metadata"] == {"sha256": written, "mlflow-run-id": run_id, "pipeline-run-id": "run-1"}
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.digest == sha256[:36]
    logged_tags = {tag.key: tag.value for tag in logged.tags}
    assert logged_tags == {"data.sha256": sha256, "mlflow.data.context": "prediction"}
    metrics = run.data.metrics
    assert metrics["rows"] == 54
    assert metrics["rows_per_second"] == pytest.approx(54 / metrics["seconds"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x,y\n", r"^data: a header line but no rows; give at least one$"),
        ("", r"^data s3://pipelines/bad\.csv: an empty file; give one with a header and rows$"),
        ("\n\n", r"^data: empty; give a file with a header line and rows$"),
        (
            "x,z\n1,2\n",
            r"^data: no column 'y', which the model needs: add it.*; the model does not know 'z': drop",
        ),
        ("x,y\n1,2\n3,red\n", r"^data line 3: feature 'y' is 'red', not a number; encode, fill or drop it$"),
        ("x,y\n1,2\n3\n", r"^data line 3: 1 values under 2 columns"),
        ("x,y\n1,2\n3,\n", r"^data lines 2 to 3: the model refuses them \(ValueError: Input X contains NaN"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    step_environment: Path, store: Any, content: str, reason: str
) -> None:
    rows = "".join(f"{at}.5,{at % 7},{'ab'[at % 2]}\n" for at in range(20))
    served(step_environment, "small", f"x,y,target\n{rows}")
    with pytest.raises(ValueError, match=reason) as refused:
        predict(put(store, "bad.csv", content.encode()), "small")
    assert "\n" not in str(refused.value)
    assert keys(store) == ["bad.csv"]
    (run,) = mlflow.search_runs(
        search_all_experiments=True,
        filter_string="tags.`kfp.task` = 'step' and attributes.run_name = 'predict'",
        output_format="list",
    )
    assert run.info.status == "FAILED"


def test_a_run_that_ends_in_the_middle_leaves_nothing(
    step_environment: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = evidence_of(served(step_environment))
    content = pd.DataFrame(evidence["rows"], columns=evidence["features"]).to_csv(index=False).encode()
    data = put(store, "data/many.csv", content)
    monkeypatch.setattr(parts, "_MOST_ROWS", 10)
    monkeypatch.setattr(parts, "_FEWEST_ROWS", 10)
    added: list[int] = []
    add = AnswerFile.add

    def stop(self: AnswerFile, *arguments: Any) -> None:
        added.append(1)
        if len(added) == 4:
            raise SystemExit(143)
        add(self, *arguments)

    monkeypatch.setattr(AnswerFile, "add", stop)
    with pytest.raises(SystemExit):
        predict(data)
    assert keys(store) == ["data/many.csv"]
    assert not store.list_multipart_uploads(Bucket="pipelines").get("Uploads")


def test_what_is_written_is_not_written_again(step_environment: Path, store: Any) -> None:
    served(step_environment)
    taken = put(store, "out/taken.csv", b"kept")
    with pytest.raises(
        ValueError, match=r"^output s3://pipelines/out/taken\.csv: exists already, and predictions"
    ):
        predict("s3://pipelines/data/any.csv", output=taken)
    assert body(store, taken) == b"kept"


def test_files_that_are_not_those_of_the_version_are_not_used(step_environment: Path, store: Any) -> None:
    served(step_environment)
    mlflow.MlflowClient().set_model_version_tag("wine", "1", "model.digest", "0" * 64)
    with pytest.raises(
        RuntimeError, match="model wine version 1: its files are not those that were registered"
    ):
        predict(put(store, "data/a.csv", b"x\n1\n"))


def test_a_model_without_a_signature_is_refused(step_environment: Path, store: Any) -> None:
    class Nothing(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # pyright: ignore
            return model_input

    mlflow.set_experiment("own")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model", python_model=Nothing(), registered_model_name="own", pip_requirements=[]
        )
    with pytest.raises(
        ValueError, match=r"^model own version 1: has no signature, so its columns are not known"
    ):
        predict(put(store, "data/a.csv", b"x\n1\n"), "own", version="1")
