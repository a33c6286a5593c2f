"""The gate."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl
from mlflow import artifacts
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_absolute_error, r2_score, roc_auc_score

from tests.unit.workloads.steps.trained import Trained, mixed, trained
from workloads.serving.artifacts import model_digest
from workloads.steps import evaluate

EVALUATE: Any = evaluate.evaluate


def judge(
    result: Trained,
    minimum_accuracy: float,
    minimum_r2: float = 0.5,
    objective: str = "",
    threshold: float = 0.0,
) -> tuple[str, str]:
    return EVALUATE.python_func(
        held_back=result.held_back,
        model_id=result.model_id,
        mlflow_run_id=result.mlflow_run_id,
        data_sha256=result.sha256,
        minimum_accuracy=minimum_accuracy,
        metrics=dsl.Metrics(),
        minimum_r2=minimum_r2,
        objective=objective,
        threshold=threshold,
    )


def own(metrics: dict[str, float]) -> dict[str, float]:
    """Leave out the metrics of MLflow's evaluator."""
    return {name: value for name, value in metrics.items() if not name.startswith("held_back_")}


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
    assert own(run.data.metrics) == {
        "accuracy": accuracy_score(labels, evidence["predicted"]),
        "f1": f1_score(labels, evidence["predicted"], average="macro"),
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
    assert run.data.metrics["mae"] == mean_absolute_error(evidence["labels"], evidence["predicted"])
    assert 0 < run.data.metrics["rmse"] < run.data.metrics["rmse_of_mean"]
    assert run.data.tags["gate.minimum_r2"] == "0.9"
    with pytest.raises(
        ValueError,
        match=r"^gate: regression: R2 0\.\d{4} \(RMSE \S+, of the mean \S+\) is below 1\.0100; nothing",
    ):
        judge(result, 0.9, 1.01)


@pytest.mark.parametrize(
    ("data", "content", "family", "artifact", "metric"),
    [
        ("wine", "", "linear", "confusion_matrix.png", "accuracy_score"),
        ("breast_cancer", "", "lightgbm", "roc_curve_plot.png", "precision_recall_auc"),
        ("mixed", mixed(), "xgboost", "precision_recall_curve_plot.png", "f1_score"),
        ("mixed", mixed("quantity"), "random_forest", "", "mean_absolute_percentage_error"),
    ],
)
def test_the_metrics_and_plots_of_mlflows_evaluator_are_in_the_run(
    step_environment: Path, data: str, content: str, family: str, artifact: str, metric: str
) -> None:
    result = trained(step_environment, data, content, family)
    _, run_id = judge(result, 0.0, -9.0)
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    assert "evaluation.undrawn" not in run.data.tags
    found = {each.path for each in client.list_artifacts(run_id)}
    assert not artifact or f"held_back_{artifact}" in found
    assert f"held_back_{metric}" in run.data.metrics
    if "accuracy" in run.data.metrics:
        assert run.data.metrics["held_back_accuracy_score"] == run.data.metrics["accuracy"]
        # Quality of live answers is held against the accuracy of so many rows.
        assert run.data.metrics["held_back_example_count"] > 0
    else:
        assert run.data.metrics["held_back_r2_score"] == pytest.approx(run.data.metrics["r2"], abs=1e-12)


@pytest.mark.parametrize(
    ("target", "objective", "passing", "failing", "reason"),
    [
        ("class", "f1", 0.5, 1.01, r"^gate: f1 [01]\.\d{4} is below 1\.0100; nothing is registered$"),
        ("class", "roc_auc", 0.5, 1.01, r"^gate: roc_auc [01]\.\d{4} is below 1\.0100; nothing"),
        ("quantity", "rmse", 9.0, 1e-6, r"^gate: regression: RMSE \S+ \(RMSE .*\) is above 0\.0000; nothing"),
        ("quantity", "mae", 9.0, 1e-6, r"^gate: regression: MAE \S+ \(RMSE .*\) is above 0\.0000; nothing"),
    ],
)
def test_another_metric_decides_if_it_is_chosen(
    step_environment: Path, target: str, objective: str, passing: float, failing: float, reason: str
) -> None:
    result = trained(step_environment, "mixed", mixed(target))
    _, run_id = judge(result, 1.01, 1.01, objective, passing)
    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    side = "minimum" if target == "class" else "maximum"
    assert (tags["gate"], tags[f"gate.{side}_{objective}"]) == ("passed", str(passing))
    with pytest.raises(ValueError, match=reason):
        judge(result, 0.0, -9.0, objective, failing)


def test_a_class_with_half_a_formula_for_a_name_costs_its_plots_alone(step_environment: Path) -> None:
    rows = "".join(f"{at}.5,{('$a_{$', '$b^$')[at % 2]}\n" for at in range(40))
    _, run_id = judge(trained(step_environment, "names", f"x,target\n{rows}", "random_forest"), 0.0)
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    assert run.data.tags["gate"] == "passed"
    assert "held_back_confusion_matrix.png" not in {each.path for each in client.list_artifacts(run_id)}
    assert run.data.metrics["held_back_accuracy_score"] == run.data.metrics["accuracy"]
