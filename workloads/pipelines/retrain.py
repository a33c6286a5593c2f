"""The reference pipeline for a model that serves: train it again, with labelled requests of its callers."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any

from kfp import dsl

from workloads.pipelines.shared_steps import judge_and_serve, load, validate
from workloads.pipelines.surroundings import configure, open_object_store
from workloads.steps.assemble_data import assemble_data
from workloads.steps.compare import compare
from workloads.steps.train import train


@dsl.pipeline(
    name="retrain", description="Train a model again with labelled requests, and serve it if better."
)
def retrain(  # noqa: PLR0913, PLR0917 - inputs of a pipeline
    data: str,
    target: str,
    model_name: str,
    data_sha256: str = "",
    begin: str = "",
    end: str = "",
    minimum_rows: int = 200,
    reason: str = "retrain",
    task: str = "auto",
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    regularization: float = 1.0,
    parameters: str = "",
    seed: int = 0,
    candidate: bool = False,
    family: str = "linear",
    objective: str = "",
    threshold: float = 0.0,
) -> None:
    """Run all steps; those before training never come from the cache, as what is stored changes.

    Args:
        data: What the model was trained on at first: wine, breast_cancer or s3://bucket/key.csv.
        target: Column with the class, or the quantity.
        model_name: The registered model.
        data_sha256: SHA-256 that the CSV file must have; empty for any.
        begin: When the window of requests begins, ISO 8601; empty for seven days before its end.
        end: When it ends; empty for the start of the run.
        minimum_rows: Labelled rows without which nothing is trained.
        reason: Why, for the record: of the run, of the comparison and of the rollout.
        task: classification, regression, or auto: as the target's values say.
        minimum_accuracy: Below it the run of a classifier fails, and nothing is registered or served.
        minimum_r2: Below it the run of a regression fails likewise.
        regularization: Inverse regularization strength; a random_forest has none.
        parameters: JSON object of further parameters of the family, such as a search has found.
        seed: Selects the held-back rows, and whatever else the model draws.
        candidate: Whether the version waits, next to the one that serves, for a rollout by somebody else.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric that decides in place of the two minimums.
        threshold: Its least value that passes; of rmse and mae, its largest.
    """
    loaded = load(data=data, data_sha256=data_sha256, cache=False)
    assembled: Any = assemble_data(
        base=loaded.outputs["dataset"],
        base_sha256=loaded.outputs["sha256"],
        target=target,
        task=task,
        model_name=model_name,
        begin=begin,
        end=end,
        minimum_rows=minimum_rows,
    )
    open_object_store(configure(assembled, cache=False, memory="2Gi"))
    checked = validate(
        assembled.outputs["dataset"],
        assembled.outputs["sha256"],
        target=target,
        task=task,
        family=family,
        objective=objective,
    )
    trained: Any = train(
        dataset=checked.dataset,
        data=data,
        data_sha256=checked.sha256,
        target=target,
        model_name=model_name,
        regularization=regularization,
        seed=seed,
        task=task,
        family=family,
        parameters=parameters,
    )
    configure(trained, cache=True, memory="3Gi").after(checked.validated)
    compared: Any = compare(
        fresh=assembled.outputs["fresh"],
        target=target,
        model_name=model_name,
        model_id=trained.outputs["model_id"],
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        data_sha256=checked.sha256,
        reason=reason,
    )
    configure(compared, cache=False, memory="1Gi")
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
        replace=False,
        after=compared,
        reason=reason,
    )
