"""Inputs of a retraining: those of the run that made the version which serves, as its records have them."""

import json
from collections.abc import Mapping
from typing import Any

from workloads.errors import WorkloadsError
from workloads.steps.search_spaces import SPACES

_GATES = ("gate.minimum_", "gate.maximum_")
# It has an input of its own, with wider bounds than a search.
_REGULARIZATION = "regularization"


def inputs_of(
    model_name: str,
    version_tags: Mapping[str, str],
    training_params: Mapping[str, str],
    evaluation_tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the inputs of the pipeline that do not depend on the window.

    Args:
        model_name: The registered model.
        version_tags: Of the version that serves.
        training_params: Parameters of the MLflow run that trained it.
        evaluation_tags: Tags of the MLflow run that evaluated it.

    Raises:
        WorkloadsError: another program has made the version; one line.
    """
    data, target = version_tags.get("data.uri", ""), training_params.get("target", "")
    family = training_params.get("family", "linear")
    if not data or not target or family not in SPACES:
        raise WorkloadsError(
            f"model {model_name}: the version that serves was not made by a pipeline of the platform, so its "
            "data is not known; run retrain by hand, with --data and --target"
        )
    chosen = {
        name: float(value)
        for name, value in training_params.items()
        if name in SPACES[family] and name != _REGULARIZATION
    }
    gates = {
        key.removeprefix(prefix): float(value)
        for key, value in evaluation_tags.items()
        for prefix in _GATES
        if key.startswith(prefix)
    }
    objective, threshold = next(iter(gates.items()), ("", 0.0))
    return {
        "model_name": model_name,
        "data": data,
        "target": target,
        "task": training_params.get("task", "auto"),
        "family": family,
        "regularization": float(training_params.get(_REGULARIZATION, 1)),
        "parameters": json.dumps(chosen) if chosen else "",
        "seed": int(training_params.get("seed", 0)),
        "objective": objective,
        "threshold": threshold,
    }
