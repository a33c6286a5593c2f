"""What a user chooses of a training: the family of models, and the metric that decides on registration.

Embedded in the steps that train and judge, so it imports nothing of this repository.
"""

FAMILIES = ("linear", "random_forest", "xgboost", "lightgbm")
PACKAGES = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}
"""Distribution that a family needs besides scikit-learn's own."""
OBJECTIVES = {"classification": ("accuracy", "f1", "roc_auc"), "regression": ("r2", "rmse", "mae")}
"""Metrics that a threshold may be set for, by task; the first one counts unless another is chosen."""
ERRORS = ("rmse", "mae")
"""Metrics of which less is better."""


def refuse_choices(family: str, objective: str, task: str = "auto", regularization: float = 1.0) -> None:
    """Refuse what no model can be trained or judged by.

    Args:
        family: One of `FAMILIES`.
        objective: One of `OBJECTIVES`; empty for the first of the task.
        task: classification or regression; auto where that is not known yet.
        regularization: Inverse regularization strength.

    Raises:
        ValueError: it is none of those, or not for this task; one line.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r}: unknown; give one of {', '.join(FAMILIES)}")
    if not regularization > 0:
        raise ValueError(f"regularization {regularization}: give a number above 0; less is stronger")
    if family == "random_forest" and regularization != 1:
        raise ValueError(
            f"regularization {regularization}: a random_forest has none; "
            "leave it at 1, or give another family"
        )
    fitting = [each for each in OBJECTIVES if objective in OBJECTIVES[each]]
    offered = "; ".join(f"of a {each} {', '.join(names)}" for each, names in OBJECTIVES.items())
    if objective and not fitting:
        raise ValueError(f"objective {objective!r}: no metric; there are {offered}")
    if objective and task in OBJECTIVES and task not in fitting:
        raise ValueError(f"objective {objective!r}: no metric of a {task}; there are {offered}")
