"""One trial, as its pod runs it: the same code as a trial of Optuna, on a copy of the data."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl

from tests.unit.workloads.steps.trained import LOAD
from workloads.experiments import katib_trial
from workloads.experiments.trial_runs import trial_runs_of, trials_of
from workloads.steps.csv_table import read, survey
from workloads.steps.estimators import split
from workloads.steps.trials import fold_metrics


class Prepared:
    """A search whose data is in MLflow."""

    def __init__(self, folder: Path) -> None:
        dataset: Any = dsl.Dataset(uri=str(folder / "data.csv"))
        LOAD.python_func(data="wine", data_sha256="", dataset=dataset)
        self.path = Path(dataset.path)
        self.client = mlflow.MlflowClient()
        self.experiment_id = mlflow.set_experiment("wine").experiment_id
        self.parent = self.client.create_run(self.experiment_id).info.run_id
        self.client.log_artifact(self.parent, str(self.path), "search")

    def settings(self, **changes: Any) -> str:
        plain = {
            "family": "random_forest",
            "seed": 3,
            "space": ["n_estimators=20..30", "max_depth=4"],
            "target": "target",
            "task": "auto",
            "objective": "f1",
            "experiment_id": self.experiment_id,
            "parent": self.parent,
            "artifact": f"search/{self.path.name}",
            "store": "store:1",
            "tags": {"kfp.task": "search"},
        }
        return json.dumps(plain | changes)

    def runs(self) -> list[Any]:
        return trial_runs_of(self.client, self.experiment_id, self.parent)


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(katib_trial, "push", lambda *what: found.append(what))
    return found


PROPOSED = json.dumps({"n_estimators": 21.2, "min_samples_leaf": 2.7, "max_features": 0.5})
PARAMETERS = {"n_estimators": 21, "max_depth": 4, "min_samples_leaf": 3, "max_features": 0.5}


def test_a_trial_logs_and_pushes_what_cross_validation_says(
    step_environment: Path, pushed: list[tuple[Any, ...]]
) -> None:
    prepared = Prepared(step_environment)
    for name in ("search-a", "search-b"):
        katib_trial.run_trial(name, PROPOSED, prepared.settings())
    found = survey(prepared.path, "target", "auto")
    table = read(prepared.path, found)
    fitted, _ = split(found, table.labels, 3)
    folds = [each["f1"] for each in fold_metrics(found, table, fitted, "random_forest", 3, PARAMETERS)]
    runs = prepared.runs()
    first, second = trials_of(prepared.client, runs, PARAMETERS, "f1")
    assert (first.number, second.number) == (0, 1)
    assert (dict(first.parameters), first.folds, first.state) == (PARAMETERS, tuple(folds), "complete")
    assert first.metrics == second.metrics
    assert pushed == [("store:1", each, "f1", first.metrics["f1"]) for each in ("search-a", "search-b")]
    assert [run.data.tags["katib.trial"] for run in runs] == ["search-a", "search-b"]


def test_a_trial_that_fails_says_why_in_its_run_and_in_its_last_line(
    step_environment: Path, pushed: list[tuple[Any, ...]]
) -> None:
    prepared = Prepared(step_environment)
    reason = "ValueError: target 'nowhere': "
    with pytest.raises(SystemExit) as ended:
        katib_trial.run_trial("search-a", PROPOSED, prepared.settings(target="nowhere"))
    (run,) = prepared.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags["trial.reason"].startswith("ValueError: ")
    assert str(ended.value) == f"trial 0: {run.data.tags['trial.reason']}"
    assert "nowhere" in reason
    assert "nowhere" in run.data.tags["trial.reason"]
    assert pushed == []
