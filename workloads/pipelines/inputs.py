"""Inputs of the pipelines, in a module of their own because importing a pipeline takes seconds."""

from collections.abc import Sequence
from typing import Any

from workloads.datasets import Dataset
from workloads.distributed import train_jobs
from workloads.errors import WorkloadsError
from workloads.experiments import engines
from workloads.steps import search_spaces
from workloads.steps.choices import refuse_choices


def refuse(
    family: str, objective: str, threshold: float | None, regularization: float, learns: str = ""
) -> None:
    """Refuse choices that no model can be trained or judged by.

    Raises:
        WorkloadsError: they are such; one line.
    """
    try:
        refuse_choices(family, objective, learns, regularization)
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
    if objective and threshold is None:
        raise WorkloadsError(f"objective {objective!r}: give the threshold that it must reach as well")
    if threshold is not None and not objective:
        raise WorkloadsError(f"threshold {threshold}: give the objective that must reach it as well")


def refuse_search(
    family: str,
    sampler: str,
    trials: int,
    search: Sequence[str],
    engine: str = "auto",
    early_stopping: bool = False,
    *,
    local: bool = False,
) -> None:
    """Refuse a search that could not find anything, or without a platform needs one.

    Raises:
        WorkloadsError: it is such; one line.
    """
    try:
        search_spaces.refuse_search(family, sampler, trials, search)
        engines.refuse_engine(engine, early_stopping=early_stopping)
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
    if local and engine == "katib":
        raise WorkloadsError("engine 'katib': needs a platform; with --local give auto or optuna")


def for_training(  # noqa: PLR0913 - inputs of a pipeline
    dataset: Dataset,
    *,
    minimum_accuracy: float = 0.9,
    minimum_r2: float = 0.5,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
    replace: bool = False,
    family: str = "linear",
    objective: str = "",
    threshold: float | None = None,
) -> dict[str, Any]:
    """Return the inputs of train_register_serve for a data set.

    Raises:
        WorkloadsError: no model can be trained or judged so.
    """
    refuse(family, objective, threshold, regularization, dataset.learns)
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
        "family": family,
        "objective": objective,
        "threshold": threshold or 0.0,
    }


def for_tuning(
    dataset: Dataset,
    *,
    trials: int = 20,
    sampler: str = "tpe",
    search: Sequence[str] = (),
    early_stopping: bool = False,
    engine: str = "auto",
    **choices: Any,
) -> dict[str, Any]:
    """Return the inputs of tune for a data set; the choices are those of training.

    Raises:
        WorkloadsError: nothing can be found, trained or judged so.
    """
    made = for_training(dataset, **choices)
    # The search finds it.
    del made["regularization"]
    refuse_search(made["family"], sampler, trials, search, engine, early_stopping)
    return {
        **made,
        "trials": trials,
        "sampler": sampler,
        "search": list(search),
        "early_stopping": early_stopping,
        "engine": engine,
    }


def for_nodes(
    dataset: Dataset,
    *,
    nodes: int = 2,
    cpus_per_node: float = 0.1,
    memory_per_node: str = "512Mi",
    wait_seconds: int = 3600,
    **choices: Any,
) -> dict[str, Any]:
    """Return the inputs of train_distributed for a data set; the choices are those of training.

    Raises:
        WorkloadsError: nothing can be divided, trained or judged so.
    """
    choices.setdefault("family", "xgboost")
    made = for_training(dataset, **choices)
    try:
        train_jobs.refuse_nodes(nodes, made["family"])
        train_jobs.refuse_sizes(cpus_per_node, memory_per_node)
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
    return {
        **made,
        "nodes": nodes,
        "cpus_per_node": cpus_per_node,
        "memory_per_node": memory_per_node,
        "wait_seconds": wait_seconds,
    }
