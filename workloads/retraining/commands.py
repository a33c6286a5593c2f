"""`python -m workloads run retrain`: train a model again, now or again and again."""

import argparse
import re
from typing import Any

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.retraining.run_inputs import inputs_of
from workloads.retraining.stored_rows import window_of

_UNITS = {"h": 3600, "d": 86400}
# Chosen by hand, they replace what the records of the version that serves say.
_CHOICES = ("data", "target", "task", "family", "objective", "threshold", "regularization", "seed")


def add_arguments(run: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    run.add_argument("--name", required=True, metavar="MODEL", help="registered model, whose champion serves")
    run.add_argument("--begin", default="", help="when the window begins, ISO 8601 (default: 7 days ago)")
    run.add_argument("--end", default="", help="when it ends (default: now)")
    run.add_argument(
        "--minimum-rows", type=int, default=200, help="labelled rows without which nothing is trained"
    )
    run.add_argument("--reason", default="by hand", help="why, for the record")
    run.add_argument(
        "--every",
        metavar="TIME",
        help="repeat it by a schedule of the platform, such as 12h or 7d; 0 ends the schedule",
    )
    run.add_argument("--data", help="base data (default: that of the champion)")
    run.add_argument("--target", metavar="COLUMN", help="column to predict (default: that of the champion)")
    run.add_argument("--task", choices=["auto", "classification", "regression"], help="what to predict")
    run.add_argument("--family", help="family of models (default: that of the champion)")
    run.add_argument("--objective", metavar="METRIC", help="what decides on registration")
    run.add_argument("--threshold", type=float, help="of the objective (default: that of the champion)")
    run.add_argument("--regularization", type=float, help="inverse regularization strength")
    run.add_argument("--seed", type=int, help="selects the held-back rows and whatever else is drawn")


def interval_of(text: str) -> int:
    """Return the seconds of an interval such as 12h or 7d; 0 of 0.

    Raises:
        WorkloadsError: it is none; one line.
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([hd])", text)
    if text != "0" and not found:
        raise WorkloadsError(
            f"every {text!r}: no interval; give hours or days such as 12h or 7d, or 0 to end it"
        )
    return int(found[1]) * _UNITS[found[2]] if found else 0


def inputs(endpoints: Endpoints, options: argparse.Namespace) -> dict[str, Any]:
    """Return the inputs of the pipeline for the command's options.

    Raises:
        WorkloadsError: the model has no champion, or nothing can be trained so; one line.
    """
    from workloads.model_names import checked
    from workloads.pipelines.inputs import refuse

    if options.minimum_rows < 1:
        raise WorkloadsError(f"minimum rows {options.minimum_rows}: give at least 1")
    try:
        window_of(options.begin, options.end)
    except ValueError as error:
        raise WorkloadsError(str(error)) from None
    name = checked(options.name)
    chosen = {key: value for key in _CHOICES if (value := getattr(options, key)) is not None}
    made = {**_of_champion(endpoints, name, chosen), **chosen}
    if "family" in chosen or "task" in chosen:
        # Of another family, or of another kind of answers.
        made["parameters"] = ""
    refuse(
        made["family"],
        made["objective"],
        made["threshold"] if made["objective"] else None,
        made["regularization"],
        made["task"],
    )
    return {
        **made,
        "begin": options.begin,
        "end": options.end,
        "minimum_rows": options.minimum_rows,
        "reason": f"retrain: {options.reason}",
    }


def _of_champion(endpoints: Endpoints, name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    from workloads.tracking import connect

    mlflow = connect(endpoints)
    try:
        version = mlflow.get_model_version_by_alias(name, "champion")
        training = mlflow.get_run(version.run_id).data.params if version.run_id else {}
        gate = version.tags.get("gate.run_id", "")
        evaluation = mlflow.get_run(gate).data.tags if gate else {}
    except MlflowException as error:
        raise WorkloadsError(
            f"model {name}: has no champion to train again ({str(error).splitlines()[0][:200]}); "
            "run train_register_serve first"
        ) from None
    tags = {**version.tags, **({"data.uri": chosen["data"]} if "data" in chosen else {})}
    params = {**training, **({"target": chosen["target"]} if "target" in chosen else {})}
    return inputs_of(name, tags, params, evaluation)
