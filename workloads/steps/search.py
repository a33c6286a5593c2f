"""Step: search the parameters with which a family of models predicts best, by trials on the training rows."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false, reportMissingTypeArgument=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import (
    WORKLOAD_IMAGE,
    choices,
    csv_columns,
    csv_rows,
    csv_table,
    estimators,
    scores,
    search_spaces,
)
from workloads.steps import trials as trials_module
from workloads.steps.choices import OBJECTIVES, refuse_choices
from workloads.steps.csv_table import read, survey
from workloads.steps.embedding import embed
from workloads.steps.estimators import split
from workloads.steps.search_spaces import narrowed, refuse_search
from workloads.steps.trials import Trial, best_of, count_folds, fold_metrics, run_trials, summary_of


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def search(  # noqa: PLR0913, PLR0917 - inputs of a step
    dataset: dsl.Input[dsl.Dataset],
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    seed: int,
    trials: int,
    sampler: str,
    space: list,
    early_stopping: bool,
    metrics: dsl.Output[dsl.Metrics],
    task: str = "auto",
    family: str = "linear",
    objective: str = "",
) -> NamedTuple("Searched", [("parameters", str), ("mlflow_run_id", str)]):
    """Log each trial to MLflow, as a child of the run of this search, and return the best one's parameters.

    A trial is cross-validated on the rows that train fits on with the same seed. Those that train holds back
    are not looked at: they judge the model afterwards, so they must not choose it.

    Args:
        dataset: A CSV file that validate_data accepted.
        data: Source of the data.
        data_sha256: SHA-256 of the CSV file.
        target: Column with the class, or the quantity.
        model_name: Registered model and MLflow experiment.
        seed: Selects the held-back rows, the folds, the trials and whatever else the model draws.
        trials: How many sets of parameters to try.
        sampler: random, tpe or cmaes.
        space: NAME=LOW..HIGH or NAME=VALUE for parameters whose bounds are narrower than the family's.
        early_stopping: Whether a trial ends after two folds or more that are worse than half of the others'.
        metrics: The best trial's metric and the number of trials, for Kubeflow.
        task: classification, regression, or auto: as the target's values say.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric to improve; empty for accuracy, or R2 of a regression.
    """
    import json
    import os
    from collections import Counter
    from pathlib import Path

    import mlflow
    from mlflow.entities import Metric, Param

    # Before anything is read.
    refuse_search(family, sampler, trials, space)
    found = survey(Path(dataset.path), target, task)
    refuse_choices(family, objective, found.task)
    objective = objective or OBJECTIVES[found.task][0]
    bounds = narrowed(family, space)
    table = read(Path(dataset.path), found)
    fitted, _ = split(found, table.labels, seed)
    client = mlflow.MlflowClient()
    tags = {
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "data.sha256": data_sha256,
    }
    # KILLED as MLflow's own store of Optuna's trials has it.
    statuses = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
    run_ids: dict[int, str] = {}
    experiment = mlflow.set_experiment(model_name)
    with mlflow.start_run(run_name="search", tags=tags) as run:

        def record(trial: Trial) -> None:
            marks = {
                **tags,
                "mlflow.parentRunId": run.info.run_id,
                "trial.number": str(trial.number),
                "trial.state": trial.state,
                **({"trial.reason": trial.reason} if trial.reason else {}),
            }
            child = client.create_run(
                experiment.experiment_id, trial.began_ms, marks, run_name=f"trial-{trial.number}"
            ).info.run_id
            run_ids[trial.number] = child
            values = [Metric(name, value, trial.ended_ms, 0) for name, value in trial.metrics.items()]
            values += [
                Metric(f"fold_{objective}", value, trial.ended_ms, at) for at, value in enumerate(trial.folds)
            ]
            # As JSON writes them: every digit, so that the trial can be repeated.
            inputs = [Param(name, json.dumps(value)) for name, value in trial.parameters.items()]
            client.log_batch(child, metrics=values, params=[Param("family", family), *inputs])
            client.set_terminated(child, statuses[trial.state], trial.ended_ms)
            reached = f"{objective} {trial.metrics[objective]:.4f}" if trial.folds else trial.reason
            print(f"trial {trial.number}: {trial.state}, {reached}", flush=True)

        mlflow.log_params({"data": data, "target": target, "seed": seed, "family": family})
        mlflow.log_params({"task": found.task, "trials": trials, "sampler": sampler, "objective": objective})
        mlflow.log_params({"early_stopping": early_stopping, "training_rows": len(fitted)})
        mlflow.log_params({f"search.{name}": str(each) for name, each in bounds.items()})
        mlflow.log_param("folds", count_folds(found, table.labels[fitted]))
        ended = run_trials(
            bounds,
            lambda parameters: fold_metrics(found, table, fitted, family, seed, parameters),
            objective,
            sampler=sampler,
            count=trials,
            seed=seed,
            early_stopping=early_stopping,
            record=record,
        )
        best = best_of(ended, objective)
        parameters, summary = json.dumps(best.parameters), summary_of(ended, best, objective)
        mlflow.set_tags(
            {
                "search.best_trial": best.number,
                "search.best_run_id": run_ids[best.number],
                "search.parameters": parameters,
                "search.summary": summary,
            }
        )
        counts = Counter(f"trials_{each.state}" for each in ended)
        values = {f"best_{objective}": best.metrics[objective], **counts}
        mlflow.log_metrics(values)
        for key, value in values.items():
            metrics.log_metric(key, value)
    print(f"search: {summary}")
    return parameters, run.info.run_id


embed(search, choices, csv_rows, csv_columns, csv_table, estimators, scores, search_spaces, trials_module)
