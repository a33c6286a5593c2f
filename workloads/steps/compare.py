"""Step: compare a new model with the champion on rows that neither was trained on; fail if it is worse."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads import errors
from workloads.batches import csv_parts, model_columns, parts
from workloads.retraining import comparison
from workloads.retraining.comparison import answers_of, compared
from workloads.serving import artifacts
from workloads.serving.artifacts import model_digest
from workloads.steps import WORKLOAD_IMAGE, csv_columns, csv_rows, csv_table
from workloads.steps import registered as registry
from workloads.steps.embedding import embed
from workloads.steps.registered import registered


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def compare(
    fresh: dsl.Input[dsl.Dataset],
    target: str,
    model_name: str,
    model_id: str,
    mlflow_run_id: str,
    data_sha256: str,
    metrics: dsl.Output[dsl.Metrics],
    reason: str = "",
) -> NamedTuple("Compared", [("champion", str), ("compared_run_id", str)]):
    """Ask both for the same rows, and log both figures as a child of the MLflow run that trained the new one.

    Of classifiers the share of right answers counts, of regressions the root of the mean squared error. Equal
    is good enough: the new model has seen what callers ask today.

    Args:
        fresh: CSV file with labelled rows that no model was trained on.
        target: Column with the class, or the quantity.
        model_name: The registered model, whose champion is the other one.
        model_id: The new model, as it was logged.
        mlflow_run_id: The MLflow run that trained it.
        data_sha256: SHA-256 of the data that it was trained on.
        metrics: Both figures for Kubeflow.
        reason: Why the model was trained again, for the record.
    """
    import os
    import tempfile
    from pathlib import Path

    import mlflow

    client = mlflow.MlflowClient()
    champion = registered(client, model_name, "champion")
    number = str(champion.version)
    parent = client.get_run(mlflow_run_id)
    tags = {
        "mlflow.parentRunId": mlflow_run_id,
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.sha256": data_sha256,
        "fresh.sha256": str(fresh.metadata.get("sha256", "")),
        "champion.version": number,
        "retrain.reason": reason,
    }
    locations = {
        "champion": client.get_model_version_download_uri(model_name, number),
        "challenger": client.get_logged_model(model_id).artifact_location,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow.start_run(experiment_id=parent.info.experiment_id, run_name="compare", tags=tags) as run,
    ):
        answers = {}
        for name, location in locations.items():
            stored = Path(
                mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=f"{folder}/{name}")
            )
            digest = model_digest(stored)
            if name == "champion" and digest != champion.tags.get("model.digest", digest):
                raise RuntimeError(
                    f"model {model_name} version {number}: its files are not those that were registered"
                )
            answers[name] = answers_of(mlflow.pyfunc.load_model(str(stored)), Path(fresh.path), target)
        found = compared(answers["champion"], answers["challenger"])
        values = {
            f"champion_{found.metric}": found.champion,
            f"challenger_{found.metric}": found.challenger,
            "fresh_rows": found.rows,
        }
        mlflow.log_metrics(values, model_id=model_id)
        for key, value in values.items():
            metrics.log_metric(key, value)
        said = f"{found.said()} (champion: version {number})"
        mlflow.set_tags({"comparison": "worse" if found.is_worse else "passed", "comparison.said": said})
        print(f"comparison: {said}")
        if found.is_worse:
            raise ValueError(f"comparison: {said}; nothing is registered")
    return number, run.info.run_id


embed(
    compare,
    errors,
    artifacts,
    csv_rows,
    csv_columns,
    csv_table,
    model_columns,
    parts,
    csv_parts,
    registry,
    comparison,
)
