"""Trials as runs of MLflow, there and back."""

import mlflow
import pytest

from workloads.experiments.trial_runs import begin_trial_run, end_trial_run, trial_runs_of, trials_of
from workloads.steps.trials import Trial


def _trial(number: int, state: str = "complete", reason: str = "") -> Trial:
    return Trial(
        number=number,
        parameters={"max_depth": 3, "max_features": 0.1 + 0.2},
        metrics={"f1": 0.9} if state == "complete" else {},
        folds=(0.8, 1.0) if state == "complete" else (),
        state=state,
        reason=reason,
        began_ms=1000,
        ended_ms=2000,
    )


@pytest.mark.usefixtures("step_environment")
def test_what_a_trial_has_reached_is_read_as_it_was_logged() -> None:
    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment("wine").experiment_id
    parent = client.create_run(experiment).info.run_id
    other = client.create_run(experiment).info.run_id
    logged = [_trial(0), _trial(1, "failed", "ValueError: no")]
    for trial in reversed(logged):
        run_id = begin_trial_run(client, experiment, parent, {"kfp.task": "search"}, trial.number, 1000)
        end_trial_run(client, run_id, trial, "random_forest", "f1")
    begin_trial_run(client, experiment, other, {}, 0, 1000)
    runs = trial_runs_of(client, experiment, parent)
    assert [run.info.status for run in runs] == ["FINISHED", "FAILED"]
    assert {run.data.tags["kfp.task"] for run in runs} == {"search"}
    assert trials_of(client, runs, ["max_depth", "max_features"], "f1") == logged
