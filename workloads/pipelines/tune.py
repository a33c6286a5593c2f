"""The reference pipeline for a search: find the parameters of a family, then train, register and serve."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from typing import Any

from kfp import dsl

from workloads.pipelines.shared_steps import judge_and_serve, load_and_validate
from workloads.pipelines.surroundings import configure
from workloads.steps.search import search as search_step
from workloads.steps.train import train


@dsl.pipeline(name="tune", description="Search parameters, then train, evaluate, register and serve a model.")
def tune(  # noqa: PLR0913, PLR0917 - inputs of a pipeline
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    task: str = "auto",
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    seed: int = 0,
    candidate: bool = False,
    replace: bool = False,
    family: str = "linear",
    objective: str = "",
    threshold: float = 0.0,
    trials: int = 20,
    sampler: str = "tpe",
    search: list = [],  # noqa: B006 - Kubeflow reads it, nobody changes it
    early_stopping: bool = False,
    engine: str = "auto",
) -> None:
    """Run all steps of train_register_serve, with the parameters that a search has found.

    Args:
        data: wine, breast_cancer or s3://bucket/key.csv.
        data_sha256: SHA-256 of the CSV file, so that changed data under the same name misses the cache.
        target: Column with the class, or the quantity.
        model_name: Name of the registered model, the MLflow experiment and the InferenceService.
        task: classification, regression, or auto: as the target's values say.
        minimum_accuracy: Below it the run of a classifier fails, and nothing is registered or served.
        minimum_r2: Below it the run of a regression fails likewise; 0 is as good as always saying the mean.
        seed: Selects the held-back rows, the folds, the trials and whatever else the model draws.
        candidate: Whether the version waits, next to the one that serves, for a rollout by somebody else.
        replace: Whether a model of other data may lose its name to this one.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric that the search improves, and that decides in place of the two minimums.
        threshold: Its least value on the held-back rows that passes; of rmse and mae, its largest.
        trials: How many sets of parameters to try.
        sampler: random, tpe or cmaes.
        search: NAME=LOW..HIGH or NAME=VALUE for parameters whose bounds are narrower than the family's.
        early_stopping: Whether a trial ends after two folds or more that are worse than half of the others'.
        engine: katib for trials in pods of their own, optuna for trials in one step; auto for Katib where the
            platform has it.
    """
    checked = load_and_validate(
        data=data, data_sha256=data_sha256, target=target, task=task, family=family, objective=objective
    )
    searched: Any = search_step(
        dataset=checked.dataset,
        data=data,
        data_sha256=checked.sha256,
        target=target,
        model_name=model_name,
        seed=seed,
        trials=trials,
        sampler=sampler,
        space=search,
        early_stopping=early_stopping,
        engine=engine,
        task=task,
        family=family,
        objective=objective,
    )
    configure(searched, cache=True, memory="3Gi").after(checked.validated)
    trained: Any = train(
        dataset=checked.dataset,
        data=data,
        data_sha256=checked.sha256,
        target=target,
        model_name=model_name,
        # The search has found the one that counts.
        regularization=1.0,
        seed=seed,
        task=task,
        family=family,
        parameters=searched.outputs["parameters"],
        search_run_id=searched.outputs["mlflow_run_id"],
    )
    configure(trained, cache=True, memory="3Gi")
    judge_and_serve(
        trained,
        checked.sha256,
        data=data,
        model_name=model_name,
        minimum_accuracy=minimum_accuracy,
        minimum_r2=minimum_r2,
        objective=objective,
        threshold=threshold,
        candidate=candidate,
        replace=replace,
    )
