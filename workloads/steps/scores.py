"""Metrics of a model on rows that it never saw, its plots, and whether it is good enough.

Embedded in the step that evaluates, with the modules that it imports from here.
"""

# mlflow, pandas and scikit-learn ship no complete types.
# pyright: basic, reportPrivateImportUsage=false, reportCallIssue=false

import warnings
from typing import Any

from workloads.steps.choices import ERRORS

_PREFIX = "held_back_"


def of_classifier(labels: Any, classes: list[str], probabilities: Any) -> dict[str, float]:
    """Return the metrics of probabilities; F1 and the area under the curve are means over the classes."""
    import numpy as np
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

    scores = probabilities[:, 1] if len(classes) == 2 else probabilities
    predicted = np.array(classes)[probabilities.argmax(axis=1)]
    # Those computed in single precision do not sum to one in double; F1 of a class never predicted is 0.
    with warnings.catch_warnings(action="ignore"):
        loss = float(log_loss(labels, probabilities, labels=classes))
        f1 = float(f1_score(labels, predicted, average="macro", labels=classes))
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "f1": f1,
        "log_loss": loss,
        "roc_auc": float(roc_auc_score(labels, scores, multi_class="ovr", labels=classes)),
    }


def of_regression(labels: Any, predicted: Any) -> dict[str, float]:
    """Return the metrics of quantities, and the error of always predicting the mean."""
    import numpy as np
    from sklearn.metrics import mean_absolute_error, r2_score

    errors = labels - predicted
    return {
        "r2": float(r2_score(labels, predicted)),
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(mean_absolute_error(labels, predicted)),
        "rmse_of_mean": float(labels.std()),
    }


def shortfall(objective: str, values: dict[str, float], threshold: float) -> str:
    """Return how a metric misses its threshold, in words and with both values; empty if it meets it."""
    measured = values[objective]
    if measured <= threshold if objective in ERRORS else measured >= threshold:
        return ""
    side = "above" if objective in ERRORS else "below"
    shown, wanted = f"{measured:.4f}", f"{threshold:.4f}"
    if shown == wanted:
        shown, wanted = repr(measured), repr(threshold)
    if "rmse" not in values:
        return f"{objective} {shown} is {side} {wanted}"
    errors = f"(RMSE {values['rmse']:.4g}, of the mean {values['rmse_of_mean']:.4g})"
    return f"regression: {objective.upper()} {shown} {errors} is {side} {wanted}"


def draw(model: Any, rows: Any, labels: Any, classes: list[str]) -> str:
    """Let MLflow's own evaluator log its metrics and plots to the active run; return why it could not.

    They decide nothing. It leaves out a plot that it cannot draw, as of a class whose name is half a formula;
    nothing else that fails in it is a reason to refuse a model either.

    Args:
        model: The model, as MLflow loaded it.
        rows: Held-back rows, a matrix or a frame.
        labels: What is right for each row.
        classes: Empty for a regression.
    """
    import mlflow
    import pandas as pd

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows).rename(columns=str)
    target = "target"
    while target in frame.columns:
        target += "_"
    try:
        # Whoever fitted on a matrix is asked with a frame, which is worth a warning to scikit-learn.
        with warnings.catch_warnings(action="ignore"):
            mlflow.models.evaluate(
                model=model,
                data=frame.assign(**{target: labels}),
                targets=target,
                model_type="classifier" if classes else "regressor",
                evaluators="default",
                evaluator_config={
                    "metric_prefix": _PREFIX,
                    "log_model_explainability": False,
                    **({"label_list": list(classes)} if classes else {}),
                },
            )
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        print(f"plots: {why}")
        return why
    return ""
