"""The reference pipeline: train a model, register it if it is good, serve it and verify it."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any

from kfp import dsl

from workloads.pipelines.shared_steps import judge_and_serve, load_and_validate
from workloads.pipelines.surroundings import configure
from workloads.steps.train import train


@dsl.pipeline(name="train-register-serve", description="Train, evaluate, register and serve a model.")
def train_register_serve(  # noqa: PLR0913, PLR0917 - inputs of a pipeline
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    task: str = "auto",
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
    replace: bool = False,
    family: str = "linear",
    objective: str = "",
    threshold: float = 0.0,
) -> None:
    """Run all steps; those that depend on the data alone are cached.

    Args:
        data: wine, breast_cancer or s3://bucket/key.csv.
        data_sha256: SHA-256 of the CSV file, so that changed data under the same name misses the cache.
        target: Column with the class, or the quantity.
        model_name: Name of the registered model, the MLflow experiment and the model in request paths.
        task: classification, regression, or auto: as the target's values say.
        minimum_accuracy: Below it the run of a classifier fails, and nothing is registered or served.
        minimum_r2: Below it the run of a regression fails likewise; 0 is as good as always saying the mean.
        regularization: Inverse regularization strength; a random_forest has none.
        seed: Selects the held-back rows, and whatever else the model draws.
        candidate: Whether the version waits, next to the one that serves, for a rollout by somebody else.
        replace: Whether a model of other data may lose its name to this one.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric that decides in place of the two minimums: accuracy, f1 or roc_auc of a classifier,
            r2, rmse or mae of a regression.
        threshold: Its least value that passes; of rmse and mae, its largest.
    """
    checked = load_and_validate(
        data=data, data_sha256=data_sha256, target=target, task=task, family=family, objective=objective
    )
    dataset, sha256 = checked.dataset, checked.sha256
    trained: Any = train(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target=target,
        model_name=model_name,
        regularization=regularization,
        seed=seed,
        task=task,
        family=family,
    )
    # Rejected data leaves no model and no MLflow run.
    configure(trained, cache=True, memory="3Gi").after(checked.validated)
    judge_and_serve(
        trained,
        sha256,
        data=data,
        model_name=model_name,
        minimum_accuracy=minimum_accuracy,
        minimum_r2=minimum_r2,
        objective=objective,
        threshold=threshold,
        candidate=candidate,
        replace=replace,
    )
