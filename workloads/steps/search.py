"""Step: search the parameters with which a family of models predicts best, by trials on the training rows."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false, reportMissingTypeArgument=false

from typing import NamedTuple

from kfp import dsl

from workloads.contract import METRIC_STORE, TRIAL_LABEL
from workloads.experiments import engines, katib_search, katib_trial, metric_push, proposals, trial_runs
from workloads.experiments import experiment as experiment_module
from workloads.experiments.engines import engine_for, refuse_engine
from workloads.experiments.katib_search import KatibSearch
from workloads.experiments.trial_runs import begin_trial_run, end_trial_run
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
from workloads.steps.embedding import embed, embed_text
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
    engine: str = "auto",
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
        engine: katib for trials in pods of their own, optuna for trials in this step; auto for Katib where
            the platform has it.
    """
    import json
    import os
    from collections import Counter
    from pathlib import Path

    import mlflow

    # Before anything is read.
    refuse_search(family, sampler, trials, space)
    refuse_engine(engine, early_stopping=early_stopping)
    engine = engine_for(engine, early_stopping=early_stopping)
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
    run_ids: dict[int, str] = {}
    experiment = mlflow.set_experiment(model_name)
    with mlflow.start_run(run_name="search", tags=tags) as run:

        def record(trial: Trial) -> None:
            run_ids[trial.number] = begin_trial_run(
                client, experiment.experiment_id, run.info.run_id, tags, trial.number, trial.began_ms
            )
            end_trial_run(client, run_ids[trial.number], trial, family, objective)

        mlflow.log_params({"data": data, "target": target, "seed": seed, "family": family})
        mlflow.log_params({"task": found.task, "trials": trials, "sampler": sampler, "objective": objective})
        mlflow.log_params({"engine": engine, "early_stopping": early_stopping, "training_rows": len(fitted)})
        mlflow.log_params({f"search.{name}": str(each) for name, each in bounds.items()})
        mlflow.log_param("folds", count_folds(found, table.labels[fitted]))
        if engine == "katib":
            ended, run_ids = KatibSearch(
                client=client,
                run=run,
                tags=tags,
                store=METRIC_STORE,
                label=TRIAL_LABEL,
                # The modules in front of this step, which Kubeflow's own imports begin.
                source=Path(__file__).read_text().partition("\nimport kfp\n")[0],
            ).trials(
                Path(dataset.path),
                bounds,
                objective=objective,
                sampler=sampler,
                count=trials,
                settings={
                    "family": family,
                    "seed": seed,
                    "space": space,
                    "target": target,
                    "task": task,
                },
            )
        else:
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


embed(
    search,
    choices,
    csv_rows,
    csv_columns,
    csv_table,
    estimators,
    scores,
    search_spaces,
    trials_module,
    trial_runs,
    proposals,
    metric_push,
    engines,
    experiment_module,
    katib_trial,
    katib_search,
)
embed_text(search, "METRIC_STORE", METRIC_STORE)
embed_text(search, "TRIAL_LABEL", TRIAL_LABEL)
