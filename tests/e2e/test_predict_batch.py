"""Tables of many rows: predicted as the served model answers and written once, or refused in one line."""

import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import chain
from workloads import lineage, object_store, pipeline_runs, predictions
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.tracking import connect
from workloads.wait import wait_for

# Minutes of runs: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_MODEL = "wine"
_ROWS = 12_000
_MANY = 1_000_000


@pytest.fixture(scope="module")
def rows(endpoints: Endpoints) -> pd.DataFrame:
    """Rows that differ, made of those that training held back."""
    evidence = lineage.read_held_back(endpoints, lineage.trace(endpoints, _MODEL).served.mlflow_run_id)
    held_back = pd.DataFrame(evidence.rows, columns=evidence.features)
    many = pd.concat([held_back] * (_ROWS // len(held_back) + 1), ignore_index=True).head(_ROWS)
    many = many.mul(1 + many.index.to_numpy() / 1e6, axis=0)
    many.insert(0, "bottle", [f"no. {at}" for at in range(len(many))])
    return many


@pytest.fixture(scope="module")
def million(endpoints: Endpoints, rows: pd.DataFrame) -> str:
    """Address of a table of a million rows, in one group of rows."""
    many = pd.concat([rows] * (_MANY // len(rows) + 1), ignore_index=True).head(_MANY)
    return chain.upload(endpoints, "million.parquet", many.to_parquet(row_group_size=_MANY, index=False))


def _read(endpoints: Endpoints, uri: str) -> pd.DataFrame:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    file = io.BytesIO(
        object_store.pipelines_store(endpoints).get_object(Bucket=bucket, Key=key)["Body"].read()
    )
    return pd.read_parquet(file) if key.endswith(".parquet") else pd.read_csv(file)


def _exists(endpoints: Endpoints, uri: str) -> bool:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found = object_store.pipelines_store(endpoints).list_objects_v2(Bucket=bucket, Prefix=key)
    return any(each["Key"] == key for each in found.get("Contents", []))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_row_is_predicted_with_every_bit_of_the_served_models_answer(
    endpoints: Endpoints, rows: pd.DataFrame, suffix: str, record_property: Callable[[str, object], None]
) -> None:
    content = rows.to_csv(index=False).encode() if suffix == ".csv" else rows.to_parquet(index=False)
    data = chain.upload(endpoints, f"many rows{suffix}", content)
    run = chain.predict(endpoints, data, _MODEL, keep=["bottle"])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = predictions.trace(endpoints, _MODEL, run.run_id)
    assert predictions.broken_links(traced) == []
    served = lineage.trace(endpoints, _MODEL)
    assert traced.tags["model.version"] == served.model_version
    assert traced.tags["model.digest"] == served.predictor_digest
    found = _read(endpoints, traced.output)
    assert found["bottle"].tolist() == rows["bottle"].tolist()
    # In parts of as many rows as the step's: with others beside it a row's sums may differ in the last digit.
    asked = rows.drop(columns="bottle").to_numpy().tolist()
    assert found.iloc[:, 2:].to_numpy().tolist() == InferenceClient(endpoints, _MODEL).predict_v1(asked)
    record_property(f"rows in a second, {suffix}", round(traced.metrics["rows_per_second"]))


def test_a_million_rows_fit_into_the_steps_memory(
    endpoints: Endpoints, million: str, record_property: Callable[[str, object], None]
) -> None:
    run = chain.predict(endpoints, million, _MODEL, keep=["bottle"])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = predictions.trace(endpoints, _MODEL, run.run_id)
    assert predictions.broken_links(traced) == []
    assert len(_read(endpoints, traced.output)) == traced.metrics["rows"] == _MANY
    record_property("rows in a second, of a million", round(traced.metrics["rows_per_second"]))
    record_property("seconds of the run", round(run.seconds, 1))


@pytest.mark.fault
def test_a_run_whose_pod_is_killed_leaves_no_file(endpoints: Endpoints, million: str, api: Any) -> None:
    output = f"s3://{endpoints.pipelines_bucket}/predictions/killed.parquet"
    run_id = chain.submit_prediction(endpoints, million, _MODEL, output=output, keep=["bottle"])
    mlflow = connect(endpoints)
    experiment: Any = mlflow.get_experiment_by_name(_MODEL)

    def predicting() -> str | None:
        query = f"tags.`kfp.pipeline_run_id` = '{run_id}' and tags.`model.digest` != ''"
        return (
            None
            if mlflow.search_runs([experiment.experiment_id], query)
            else "the step has not loaded its model"
        )

    wait_for("the step", predicting, timeout_seconds=300, interval_seconds=0.2)
    pods = api.list_namespaced_pod(
        endpoints.pipelines_namespace,
        label_selector=f"pipeline/runid={run_id}",
        field_selector="status.phase=Running",
    )
    assert pods.items
    for pod in pods.items:
        api.delete_namespaced_pod(pod.metadata.name, endpoints.pipelines_namespace, grace_period_seconds=0)
    run = chain.wait_until_finished(endpoints, run_id)
    assert run.state == "FAILED"
    assert not _exists(endpoints, output)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (
            "nested.parquet",
            lambda table: table.append_column("tags", pa.array([["a"]] * len(table))),
            "data: column 'tags' is nested (list<element: string>); "
            "give each of its values a column of its own, or write the file without it",
        ),
        (
            "unknown.parquet",
            lambda table: table.drop_columns("alcohol"),
            "data: no column 'alcohol', which the model needs: add it, under this name; "
            "the model does not know 'bottle': drop it, or name it in keep, "
            "which copies it next to the predictions; it has 'bottle', ",
        ),
        (
            "no-rows.parquet",
            lambda table: table.slice(0, 0).drop_columns("bottle"),
            "data: columns but no rows; give ",
        ),
    ],
)
def test_a_table_that_is_not_the_models_is_refused_in_one_line_and_nothing_is_written(
    endpoints: Endpoints, rows: pd.DataFrame, name: str, change: Callable[[Any], Any], reason: str
) -> None:
    buffer = io.BytesIO()
    pq.write_table(change(pa.Table.from_pandas(rows.head(10), preserve_index=False)), buffer)
    output = f"s3://{endpoints.pipelines_bucket}/predictions/of-{name}"
    run = chain.predict(endpoints, chain.upload(endpoints, name, buffer.getvalue()), _MODEL, output=output)
    assert run.state == "FAILED"
    assert run.reason.startswith(f"{predictions.STEP}: {reason}")
    assert not _exists(endpoints, output)


@pytest.mark.parametrize(
    ("data", "model", "reason"),
    [
        (
            "wine",
            _MODEL,
            "data wine: no table that this run can reach; give s3://bucket/key with .csv or .tsv or .parquet",
        ),
        (
            "s3://{bucket}/none.csv",
            _MODEL,
            "data s3://{bucket}/none.csv: cannot be read (404); upload it there first",
        ),
        (
            "s3://{bucket}/data/million.parquet",
            "beer",
            "model beer: is not registered; run train_register_serve first",
        ),
    ],
)
@pytest.mark.usefixtures("million")
def test_bad_input_is_reported_before_anything_is_submitted(
    endpoints: Endpoints, data: str, model: str, reason: str
) -> None:
    bucket = endpoints.pipelines_bucket
    with pytest.raises(WorkloadsError) as refused:
        chain.submit_prediction(endpoints, data.format(bucket=bucket), model)
    assert str(refused.value) == reason.format(bucket=bucket)
