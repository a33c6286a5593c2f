"""What the pod of one trial does: read the data of the search, cross-validate, log a run, push the metric.

Embedded in the step that searches, which gives this source to its trials, with the modules that it imports.
"""

# mlflow and scikit-learn ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

import json
import sys
import time
from pathlib import Path
from typing import Any

from workloads.experiments.metric_push import push
from workloads.experiments.proposals import proposed_parameters
from workloads.experiments.trial_runs import begin_trial_run, end_trial_run, trial_runs_of
from workloads.steps.csv_table import read, survey
from workloads.steps.estimators import split
from workloads.steps.search_spaces import narrowed
from workloads.steps.trials import Trial, fold_metrics, means


def run_trial(name: str, proposed: str, settings: str) -> None:
    """Run one trial of an experiment.

    Args:
        name: Name of the trial in Katib.
        proposed: JSON object of the numbers that were proposed.
        settings: JSON object of what all trials of the search have in common.
    """
    import mlflow

    began = round(time.time() * 1000)
    chosen: dict[str, Any] = json.loads(settings)
    family, seed, objective = chosen["family"], chosen["seed"], chosen["objective"]
    values = proposed_parameters(narrowed(family, chosen["space"]), json.loads(proposed))
    client = mlflow.MlflowClient()
    experiment_id, parent = chosen["experiment_id"], chosen["parent"]
    # One runs after another: those before this one have begun.
    number = len(trial_runs_of(client, experiment_id, parent))
    tags = {**chosen["tags"], "katib.trial": name}
    run_id = begin_trial_run(client, experiment_id, parent, tags, number, began)
    seen: list[dict[str, float]] = []
    reason = ""
    try:
        path = Path(mlflow.artifacts.download_artifacts(run_id=parent, artifact_path=chosen["artifact"]))
        found = survey(path, chosen["target"], chosen["task"])
        table = read(path, found)
        fitted, _ = split(found, table.labels, seed)
        for metrics in fold_metrics(found, table, fitted, family, seed, values):
            seen.append(metrics)
        push(chosen["store"], name, objective, means(seen)[objective])
    except Exception as error:
        why = (str(error).strip().splitlines() or [""])[0][:300]
        reason = f"{type(error).__name__}: {why}"
    trial = Trial(
        number=number,
        parameters=values,
        metrics=means(seen),
        folds=tuple(each[objective] for each in seen),
        state="failed" if reason else "complete",
        reason=reason,
        began_ms=began,
        ended_ms=round(time.time() * 1000),
    )
    end_trial_run(client, run_id, trial, family, objective)
    if reason:
        sys.exit(f"trial {number}: {reason}")
