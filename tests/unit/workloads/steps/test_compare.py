"""Champion and challenger on rows that neither has seen."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl
from mlflow import artifacts

from tests.unit.workloads.steps.trained import Trained, mixed, trained
from workloads.serving.artifacts import model_digest
from workloads.steps import compare

COMPARE: Any = compare.compare


def fresh(folder: Path, content: str) -> Any:
    found: Any = dsl.Dataset(uri=str(folder / "fresh.csv"), metadata={"sha256": "f" * 64})
    Path(found.path).write_text(content)
    return found


def champion(result: Trained, name: str = "mixed", digest: str = "") -> None:
    client = mlflow.MlflowClient()
    location = client.get_logged_model(result.model_id).artifact_location
    digest = digest or model_digest(Path(artifacts.download_artifacts(location)))
    version = mlflow.register_model(f"models:/{result.model_id}", name, tags={"model.digest": digest})
    client.set_registered_model_alias(name, "champion", version.version)


def run(result: Trained, table: Any) -> tuple[str, str]:
    return COMPARE.python_func(
        fresh=table,
        target="target",
        model_name="mixed",
        model_id=result.model_id,
        mlflow_run_id=result.mlflow_run_id,
        data_sha256=result.sha256,
        metrics=dsl.Metrics(),
        reason="retrain: ModelInputDrift",
    )


def test_a_challenger_that_is_better_passes_and_both_figures_are_on_record(step_environment: Path) -> None:
    # The champion has learnt the opposite.
    opposite = mixed().replace("small", "x").replace("large", "small").replace("x", "large")
    champion(trained(step_environment, "mixed", opposite))
    number, run_id = run(trained(step_environment, "mixed", mixed()), fresh(step_environment, mixed()))
    found = mlflow.MlflowClient().get_run(run_id)
    assert number == "1"
    assert (found.data.metrics["champion_accuracy"], found.data.metrics["challenger_accuracy"]) == (0.0, 1.0)
    assert found.data.metrics["fresh_rows"] == 60
    assert found.data.tags["retrain.reason"] == "retrain: ModelInputDrift"
    assert found.data.tags["fresh.sha256"] == "f" * 64
    assert found.data.tags["comparison"] == "passed"


def test_a_challenger_that_is_worse_fails_the_step_with_both_figures(step_environment: Path) -> None:
    champion(trained(step_environment, "mixed", mixed()))
    opposite = mixed().replace("small", "x").replace("large", "small").replace("x", "large")
    result = trained(step_environment, "mixed", opposite)
    with pytest.raises(
        ValueError,
        match=r"^comparison: challenger's accuracy 0, champion's 1, on 60 fresh rows, 0 rows right by the .* "
        r"\(champion: version 1\); nothing is registered$",
    ):
        run(result, fresh(step_environment, mixed()))


@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_regressions_are_compared_by_their_error(step_environment: Path, family: str) -> None:
    table = mixed("quantity")
    champion(trained(step_environment, "mixed", table))
    _, run_id = run(trained(step_environment, "mixed", table, family), fresh(step_environment, table))
    metrics = mlflow.MlflowClient().get_run(run_id).data.metrics
    assert 0 < metrics["challenger_rmse"] <= metrics["champion_rmse"]


def test_a_model_without_a_champion_is_compared_with_nothing(step_environment: Path) -> None:
    result = trained(step_environment, "mixed", mixed())
    with pytest.raises(ValueError, match=r"^model mixed: is not registered; run train_register_serve first"):
        run(result, fresh(step_environment, mixed()))


def test_a_champion_of_other_files_than_were_registered_is_refused(step_environment: Path) -> None:
    result = trained(step_environment, "mixed", mixed())
    champion(result, digest="0" * 64)
    with pytest.raises(RuntimeError, match=r"^model mixed version 1: its files are not those that were"):
        run(result, fresh(step_environment, mixed()))


def test_wine_is_compared_as_a_matrix(step_environment: Path) -> None:
    result = trained(step_environment)
    champion(result, "mixed")
    _, run_id = run(result, fresh(step_environment, (step_environment / "data.csv").read_text()))
    metrics = mlflow.MlflowClient().get_run(run_id).data.metrics
    assert metrics["champion_accuracy"] == metrics["challenger_accuracy"] > 0.9
