"""Inputs of the pipelines, in a module of their own because importing a pipeline takes seconds."""

from typing import Any

from workloads.datasets import Dataset


def for_training(
    dataset: Dataset,
    *,
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
    replace: bool = False,
) -> dict[str, Any]:
    """Return the inputs of train_register_serve for a data set."""
    return {
        "data": dataset.data,
        "data_sha256": dataset.sha256,
        "target": dataset.target,
        "model_name": dataset.model_name,
        "task": dataset.task,
        "minimum_accuracy": minimum_accuracy,
        "minimum_r2": minimum_r2,
        "regularization": regularization,
        "seed": seed,
        "candidate": candidate,
        "replace": replace,
    }
