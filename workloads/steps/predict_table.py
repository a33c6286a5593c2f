"""Step: predict every row of a table with a registered model, and write all predictions or none."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads import errors
from workloads.batches import answer_file, csv_parts, model_columns, parquet_parts, parts, table_files
from workloads.batches.answer_file import AnswerFile, columns_of_answers
from workloads.batches.csv_parts import parts_of_csv
from workloads.batches.model_columns import columns_of
from workloads.batches.parquet_parts import parts_of_parquet
from workloads.batches.table_files import fetch, put, refuse_taken, store_of_steps
from workloads.serving import artifacts
from workloads.serving.artifacts import model_digest
from workloads.steps import WORKLOAD_IMAGE, csv_columns, csv_rows, csv_table
from workloads.steps import registered as registry
from workloads.steps.embedding import embed
from workloads.steps.registered import registered


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def predict_table(  # noqa: PLR0915 - a step is one function
    data: str,
    model_name: str,
    version: str,
    output: str,
    keep: list,
    metrics: dsl.Output[dsl.Metrics],
) -> NamedTuple(
    "Predicted", [("output", str), ("rows", int), ("model_version", str), ("mlflow_run_id", str)]
):
    """Predict in parts, whose memory does not grow with the table.

    Args:
        data: s3://bucket/key.csv or s3://bucket/key.parquet, with the columns of the model.
        model_name: The registered model.
        version: Number of its version, or an alias.
        output: Where to write the predictions, as CSV or Parquet; empty for a place named after this run.
        keep: Columns to copy next to the predictions.
        metrics: Rows and seconds for Kubeflow.
    """
    import os
    import tempfile
    import time
    from pathlib import Path, PurePosixPath

    import mlflow
    from mlflow.data import dataset_source_registry
    from mlflow.data.meta_dataset import MetaDataset

    run_id = os.environ["KFP_RUN_ID"]
    if not output:
        at = PurePosixPath(data)
        suffix = ".parquet" if at.suffix.lower() == ".parquet" else ".csv"
        if data.startswith("s3://"):
            output = f"s3://{at.parts[1]}/predictions/{model_name}/{run_id}{suffix}"
        else:
            output = f"{data.removesuffix(at.suffix)}.{run_id}{suffix}"
    store = store_of_steps() if data.startswith("s3://") else None
    # Before the work, not after it.
    refuse_taken(output, store)
    client = mlflow.MlflowClient()
    found = registered(client, model_name, version)
    number = str(found.version)
    tags = {
        "kfp.pipeline_run_id": run_id,
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "model.name": model_name,
        "model.version": number,
        "predictions.uri": output,
    }
    mlflow.set_experiment(model_name)
    with tempfile.TemporaryDirectory() as scratch, mlflow.start_run(run_name="predict", tags=tags) as run:
        folder = Path(scratch)
        table, sha256 = fetch(data, folder, store)
        source = dataset_source_registry.resolve_dataset_source(data)
        described = MetaDataset(source, PurePosixPath(data).name, sha256[:36])
        mlflow.log_input(described, context="prediction", tags={"data.sha256": sha256})
        mlflow.set_tag("data.sha256", sha256)
        location = client.get_model_version_download_uri(model_name, number)
        stored = Path(
            mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=str(folder / "model"))
        )
        digest = model_digest(stored)
        if digest != found.tags.get("model.digest", digest):
            raise RuntimeError(
                f"model {model_name} version {number}: its files are not those that were registered"
            )
        mlflow.set_tag("model.digest", digest)
        try:
            model = mlflow.pyfunc.load_model(str(stored))
            inputs = columns_of(model.metadata)
        except ModuleNotFoundError as error:
            raise ValueError(
                f"model {model_name} version {number}: needs {error.name}, "
                "which the image of the steps does not have"
            ) from None
        except ValueError as error:
            raise ValueError(f"model {model_name} version {number}: {error}") from None
        classes = (model.metadata.metadata or {}).get("classes", [])
        began = time.monotonic()
        predictions = folder / f"predictions{PurePosixPath(output).suffix.lower()}"
        parts_of = parts_of_parquet if table.suffix == ".parquet" else parts_of_csv
        count = 0
        with AnswerFile(predictions) as file:
            for part in parts_of(table, inputs.columns, keep):
                try:
                    answers = model.predict(inputs.table(part.cells))
                except Exception as error:
                    why = (str(error).strip().splitlines() or [""])[0][:300]
                    raise ValueError(
                        f"data {part.where}: the model refuses them ({type(error).__name__}: {why})"
                    ) from None
                file.add(part.kept, columns_of_answers(answers, classes))
                count += part.rows
        facts = {"mlflow-run-id": run.info.run_id, "pipeline-run-id": run_id}
        mlflow.set_tag("predictions.sha256", put(predictions, output, store, facts))
        seconds = time.monotonic() - began
        values = {"rows": count, "seconds": seconds, "rows_per_second": count / seconds}
        mlflow.log_metrics(values)
        for key, value in values.items():
            metrics.log_metric(key, value)
    print(f"predictions: {count} rows in {seconds:.1f} s, {output}")
    return output, count, number, run.info.run_id


embed(
    predict_table,
    errors,
    artifacts,
    csv_rows,
    csv_columns,
    csv_table,
    model_columns,
    parts,
    csv_parts,
    parquet_parts,
    answer_file,
    registry,
    table_files,
)
