"""The gate."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl
from mlflow import artifacts
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

from tests.unit.workloads.steps.trained import Trained, mixed, trained
from workloads.serving.artifacts import model_digest
from workloads.steps import evaluate

EVALUATE: Any = evaluate.evaluate


def judge(result: Trained, minimum_accuracy: float, minimum_r2: float = 0.5) -> tuple[str, str]:
    return EVALUATE.python_func(
        held_back=result.held_back,
        model_id=result.model_id,
        mlflow_run_id=result.mlflow_run_id,
        data_sha256=result.sha256,
        minimum_accuracy=minimum_accuracy,
        metrics=dsl.Metrics(),
        minimum_r2=minimum_r2,
    )


@pytest.mark.parametrize("data", ["wine", "breast_cancer"])
def test_a_model_that_passes_has_metrics_that_equal_a_recomputation(
    step_environment: Path, data: str
) -> None:
    result = trained(step_environment, data)
    digest, run_id = judge(result, 0.9)
    run = mlflow.MlflowClient().get_run(run_id)
    evidence = json.loads(Path(result.held_back.path).read_text())
    labels, scores, classes = evidence["labels"], evidence["probabilities"], evidence["classes"]
    positive = [row[1] for row in scores] if len(classes) == 2 else scores
    assert run.data.metrics == {
        "accuracy": accuracy_score(labels, evidence["predicted"]),
        "log_loss": log_loss(labels, scores, labels=classes),
        "roc_auc": roc_auc_score(labels, positive, multi_class="ovr", labels=classes),
    }
    assert run.data.tags["mlflow.parentRunId"] == result.mlflow_run_id
    assert run.data.tags["gate"] == "passed"
    location = mlflow.MlflowClient().get_logged_model(result.model_id).artifact_location
    stored = artifacts.download_artifacts(location)
    assert digest == model_digest(Path(stored))


def test_a_model_below_the_minimum_fails_the_step_and_is_tagged_in_mlflow(step_environment: Path) -> None:
    result = trained(step_environment)
    with pytest.raises(
        ValueError, match=r"^gate: accuracy [01]\.\d{4} is below 1\.0100; nothing is registered$"
    ):
        judge(result, 1.01)
    runs = mlflow.search_runs(["1"], "tags.gate = 'failed'", output_format="list")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_a_model_whose_predictions_changed_is_not_evaluated(step_environment: Path) -> None:
    result = trained(step_environment)
    file = Path(result.held_back.path)
    evidence = json.loads(file.read_text())
    evidence["probabilities"][3][1] += 1e-6
    file.write_text(json.dumps(evidence))
    with pytest.raises(RuntimeError, match="probabilities differ by 1e-06 from those at training time"):
        judge(result, 0.5)


def test_a_model_of_raw_columns_is_evaluated(step_environment: Path) -> None:
    _, run_id = judge(trained(step_environment, "mixed", mixed()), 0.9)
    assert mlflow.MlflowClient().get_run(run_id).data.metrics["accuracy"] == 1.0


def test_a_regression_has_a_gate_of_its_own(step_environment: Path) -> None:
    result = trained(step_environment, "mixed", mixed("quantity"))
    _, run_id = judge(result, 1.01, 0.9)
    run = mlflow.MlflowClient().get_run(run_id)
    evidence = json.loads(Path(result.held_back.path).read_text())
    assert run.data.metrics["r2"] == r2_score(evidence["labels"], evidence["predicted"])
    assert 0 < run.data.metrics["rmse"] < run.data.metrics["rmse_of_mean"]
    assert run.data.tags["gate.minimum_r2"] == "0.9"
    with pytest.raises(
        ValueError,
        match=r"^gate: regression: R2 0\.\d{4} \(RMSE \S+, of the mean \S+\) is below 1\.0100; nothing",
    ):
        judge(result, 0.9, 1.01)
