"""Trials as runs of MLflow, children of the run of their search.

Embedded in the step that searches, whose trials in Katib run this too, with the module that it imports.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

import json
from collections.abc import Iterable, Mapping
from typing import Any

from workloads.steps.trials import Trial

# KILLED as MLflow's own store of Optuna's trials has it.
_STATUSES = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


def begin_trial_run(
    client: Any, experiment_id: str, parent: str, tags: Mapping[str, str], number: int, began_ms: int
) -> str:
    """Create the run of a trial and return its id."""
    marks = {**tags, "mlflow.parentRunId": parent, "trial.number": str(number)}
    return client.create_run(experiment_id, began_ms, marks, run_name=f"trial-{number}").info.run_id


def end_trial_run(client: Any, run_id: str, trial: Trial, family: str, objective: str) -> None:
    """Log what a trial has reached, and end its run."""
    from mlflow.entities import Metric, Param, RunTag

    marks = [RunTag("trial.state", trial.state)]
    marks += [RunTag("trial.reason", trial.reason)] if trial.reason else []
    values = [Metric(name, value, trial.ended_ms, 0) for name, value in trial.metrics.items()]
    values += [Metric(f"fold_{objective}", value, trial.ended_ms, at) for at, value in enumerate(trial.folds)]
    # As JSON writes them: every digit, so that the trial can be repeated.
    inputs = [Param(name, json.dumps(value)) for name, value in trial.parameters.items()]
    client.log_batch(run_id, metrics=values, params=[Param("family", family), *inputs], tags=marks)
    client.set_terminated(run_id, _STATUSES[trial.state], trial.ended_ms)
    reached = f"{objective} {trial.metrics[objective]:.4f}" if trial.folds else trial.reason
    print(f"trial {trial.number}: {trial.state}, {reached}", flush=True)


def trial_runs_of(client: Any, experiment_id: str, parent: str) -> list[Any]:
    """Return the runs of all trials of a search, in order."""
    query = f"tags.`mlflow.parentRunId` = '{parent}'"
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], query, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return sorted(found, key=lambda run: int(run.data.tags["trial.number"]))


def trials_of(client: Any, runs: Iterable[Any], names: Iterable[str], objective: str) -> list[Trial]:
    """Return what trials have reached, by their runs.

    Args:
        client: Client of MLflow.
        runs: Runs of trials, in order.
        names: Names of the family's parameters.
        objective: The metric that the search improves.
    """
    wanted = [*names]
    made: list[Trial] = []
    for run in runs:
        points = client.get_metric_history(run.info.run_id, f"fold_{objective}")
        metrics = {name: value for name, value in run.data.metrics.items() if not name.startswith("fold_")}
        made.append(
            Trial(
                number=int(run.data.tags["trial.number"]),
                parameters={name: json.loads(run.data.params[name]) for name in wanted},
                metrics=metrics,
                folds=tuple(each.value for each in sorted(points, key=lambda point: point.step)),
                state=run.data.tags["trial.state"],
                reason=run.data.tags.get("trial.reason", ""),
                began_ms=run.info.start_time,
                ended_ms=run.info.end_time,
            )
        )
    return made
