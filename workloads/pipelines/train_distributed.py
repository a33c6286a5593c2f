"""The reference pipeline for several nodes: train_register_serve, with trees of all nodes together."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

from typing import Any

from kfp import dsl

from workloads.distributed.train_on_nodes import train_on_nodes
from workloads.pipelines.shared_steps import judge_and_serve, load_and_validate
from workloads.pipelines.surroundings import configure
from workloads.steps.train import train


@dsl.pipeline(
    name="train-distributed", description="Train on several nodes, evaluate, register and serve a model."
)
def train_distributed(  # noqa: PLR0913, PLR0917 - inputs of a pipeline
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
    family: str = "xgboost",
    objective: str = "",
    threshold: float = 0.0,
    nodes: int = 2,
    cpus_per_node: float = 0.1,
    memory_per_node: str = "512Mi",
    wait_seconds: int = 3600,
) -> None:
    """Run all steps of train_register_serve, with trees that several nodes have trained.

    Args:
        data: wine, breast_cancer or s3://bucket/key.csv.
        data_sha256: SHA-256 of the CSV file, so that changed data under the same name misses the cache.
        target: Column with the class, or the quantity.
        model_name: Name of the registered model, the MLflow experiment and the model in request paths.
        task: classification, regression, or auto: as the target's values say.
        minimum_accuracy: Below it the run of a classifier fails, and nothing is registered or served.
        minimum_r2: Below it the run of a regression fails likewise; 0 is as good as always saying the mean.
        regularization: Inverse regularization strength.
        seed: Selects the held-back rows, and whatever else the model draws.
        candidate: Whether the version waits, next to the one that serves, for a rollout by somebody else.
        replace: Whether a model of other data may lose its name to this one.
        family: xgboost, the one that trains on several nodes.
        objective: Metric that decides in place of the two minimums: accuracy, f1 or roc_auc of a classifier,
            r2, rmse or mae of a regression.
        threshold: Its least value that passes; of rmse and mae, its largest.
        nodes: How many nodes train together.
        cpus_per_node: CPUs that each requests, and so takes of the team's quota.
        memory_per_node: Memory that each may use, a quantity such as 512Mi.
        wait_seconds: How long to wait for them, the time in the team's queue included.
    """
    checked = load_and_validate(
        data=data, data_sha256=data_sha256, target=target, task=task, family=family, objective=objective
    )
    grown: Any = train_on_nodes(
        dataset=checked.dataset,
        data=data,
        data_sha256=checked.sha256,
        target=target,
        model_name=model_name,
        nodes=nodes,
        regularization=regularization,
        seed=seed,
        task=task,
        family=family,
        cpus_per_node=cpus_per_node,
        memory_per_node=memory_per_node,
        wait_seconds=wait_seconds,
    )
    configure(grown, cache=True, memory="3Gi").after(checked.validated)
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
        nodes_run_id=grown.outputs["mlflow_run_id"],
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
