"""Options of `python -m workloads run`, by what a pipeline does."""

import argparse
from typing import TYPE_CHECKING, Any

from workloads.errors import WorkloadsError

if TYPE_CHECKING:
    from workloads.datasets import Dataset

TARGET = "target"


def add_training(run: argparse.ArgumentParser) -> None:
    """Add the options of pipelines that train a model."""
    run.add_argument("--target", default=TARGET, metavar="COLUMN", help="column with the class or quantity")
    run.add_argument(
        "--task",
        choices=["auto", "classification", "regression"],
        default="auto",
        help="what to predict; auto: a class, unless the target has many different numbers",
    )
    run.add_argument(
        "--minimum-accuracy", type=float, default=0.9, help="accuracy required to register a classifier"
    )
    run.add_argument(
        "--minimum-r2", type=float, default=0.5, help="R2 required to register a regression; 0: the mean"
    )
    run.add_argument(
        "--family",
        default="linear",
        help="family of models: linear, random_forest, xgboost or lightgbm",
    )
    run.add_argument(
        "--objective",
        default="",
        metavar="METRIC",
        help="what decides on registration instead: accuracy, f1, roc_auc; of a regression r2, rmse, mae",
    )
    run.add_argument(
        "--threshold",
        type=float,
        help="of the objective: the least that passes; of rmse and mae, the largest",
    )
    run.add_argument(
        "--seed", type=int, default=0, help="selects the held-back rows and whatever else is drawn"
    )
    add_making(run)
    run.add_argument(
        "--unless-served", action="store_true", help="only show the model if its champion is served already"
    )
    run.add_argument(
        "--local", action="store_true", help="run on this machine, without a platform; nothing is left of it"
    )
    run.add_argument("--stay", action="store_true", help="with --local: go on serving until Ctrl-C")


def add_making(run: argparse.ArgumentParser) -> None:
    """Add the options of pipelines that make a model, trained or published."""
    run.add_argument(
        "--replace", action="store_true", help="take the model's name from the data that it belongs to"
    )
    run.add_argument(
        "--no-cache", action="store_true", help="run every step even if its inputs are unchanged"
    )


def add_nodes(run: argparse.ArgumentParser) -> None:
    """Add the options of a training on several nodes."""
    run.set_defaults(family="xgboost")
    run.add_argument("--nodes", type=int, default=2, help="how many nodes train together")
    run.add_argument("--cpus-per-node", type=float, default=0.1, help="CPUs that each takes of the quota")
    run.add_argument("--memory-per-node", default="512Mi", help="memory that each may use")


def refuse_local_nodes(options: argparse.Namespace) -> None:
    """Refuse to train on several nodes without a cluster.

    Raises:
        WorkloadsError: --local or --stay is given; one line.
    """
    if options.local or options.stay:
        raise WorkloadsError(
            "--local and --stay: a laptop is one node; leave them out, or run train_register_serve --local"
        )


def add_search(run: argparse.ArgumentParser) -> None:
    """Add the options of a search for parameters."""
    run.add_argument("--trials", type=int, default=20, help="how many sets of parameters to try")
    run.add_argument("--sampler", default="tpe", help="what proposes them: random, tpe or cmaes")
    run.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="NAME=LOW..HIGH",
        help="narrow the bounds of a parameter, or fix it by NAME=VALUE; may be given several times",
    )
    run.add_argument(
        "--early-stopping",
        action="store_true",
        help="end a trial after two folds or more that are worse than half of the others'",
    )
    run.add_argument(
        "--engine",
        default="auto",
        help="optuna: trials in one step; katib: each in its own pod; auto: katib, where it is installed",
    )


def search_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the choices of a search by name."""
    names = ("trials", "sampler", "search", "early_stopping", "engine")
    return {each: getattr(options, each) for each in names}


def inputs_of(dataset: "Dataset", options: argparse.Namespace) -> dict[str, Any]:
    """Return the inputs of the pipeline that the command line names.

    Raises:
        WorkloadsError: no model can be trained or judged so.
    """
    from workloads.pipelines import inputs

    choices: dict[str, Any] = {
        "minimum_accuracy": options.minimum_accuracy,
        "minimum_r2": options.minimum_r2,
        "seed": options.seed,
        "replace": options.replace,
        "family": options.family,
        "objective": options.objective,
        "threshold": options.threshold,
    }
    if options.pipeline == "tune":
        return inputs.for_tuning(dataset, **search_of(options), **choices)
    choices["regularization"] = options.regularization
    if options.pipeline != "train_distributed":
        return inputs.for_training(dataset, **choices)
    return inputs.for_nodes(
        dataset,
        nodes=options.nodes,
        cpus_per_node=options.cpus_per_node,
        memory_per_node=options.memory_per_node,
        # This command waits for all steps, of which this one is the longest.
        wait_seconds=int(options.timeout_seconds),
        **choices,
    )


def add_prediction(run: argparse.ArgumentParser) -> None:
    """Add the options of predictions of a table."""
    run.add_argument(
        "--data",
        required=True,
        help="s3://bucket/key.csv or .parquet, with the model's columns; with --local a file",
    )
    run.add_argument("--name", required=True, help="name of the model")
    run.add_argument(
        "--local", action="store_true", help="on the platform of this machine that --local --stay keeps"
    )
    run.add_argument("--version", default="champion", help="number of its version, or an alias")
    run.add_argument(
        "--output", default="", help="where to write them, as CSV or Parquet (default: named after the run)"
    )
    run.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="copy a column next to the predictions; may be given several times",
    )
