"""`python -m workloads run|show`: run a pipeline on a platform, or show what it serves."""

import argparse
import os
import sys
from pathlib import Path

from workloads import endpoints as platform_endpoints
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

TARGET = "target"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _options(arguments)
    # MLflow and Kubeflow report on themselves; the user asked about a model.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        if options.endpoints:
            endpoints = platform_endpoints.from_file(Path(options.endpoints))
        else:
            endpoints = platform_endpoints.of_stack(options.stack)
        if options.command == "show" or (options.unless_served and _served(endpoints, options.data)):
            return _show(endpoints, options.data)
        return _run(endpoints, options)
    except WorkloadsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted; the pipeline run, if submitted, goes on by itself\n")
        return 130


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workloads", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a pipeline and show the model that it serves")
    run.add_argument("pipeline", choices=["train_register_serve"])
    run.add_argument("--target", default=TARGET, metavar="COLUMN", help="column of classes")
    run.add_argument("--minimum-accuracy", type=float, default=0.9, help="the gate")
    run.add_argument("--regularization", type=float, default=1.0, help="inverse strength")
    run.add_argument("--seed", type=int, default=0, help="decides which rows are held back")
    run.add_argument("--no-cache", action="store_true", help="run every step, also on known data")
    run.add_argument(
        "--unless-served", action="store_true", help="only show, if a model of the data is served"
    )
    run.add_argument("--timeout-seconds", type=float, default=900)
    show = commands.add_parser("show", help="show the model that is served, and one prediction")
    for command in (run, show):
        command.add_argument("--data", default="wine", help="wine, breast_cancer or s3://bucket/key.csv")
        command.add_argument("--stack", default="local", help="stack that runs the platform")
        command.add_argument("--endpoints", metavar="FILE", help="its outputs, instead of asking for them")
    return parser.parse_args(arguments)


def _served(endpoints: Endpoints, data: str) -> bool:
    """Return whether a model of the data is served."""
    from workloads import lineage
    from workloads.datasets import model_name

    service = lineage.inference_service(endpoints, model_name(data))
    ready = [
        condition
        for condition in (service or {}).get("status", {}).get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    ]
    return bool(ready)


def _run(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Run the pipeline to its end; say where its seconds went, and why it failed if it did."""
    from workloads import datasets, pipeline_runs
    from workloads.progress import StepProgress

    dataset = datasets.prepare(endpoints, options.data, options.target)
    parameters = pipeline_runs.parameters(
        dataset,
        minimum_accuracy=options.minimum_accuracy,
        regularization=options.regularization,
        seed=options.seed,
    )
    run_id = pipeline_runs.submit(endpoints, options.pipeline, parameters, cache=not options.no_cache)
    print(f"pipeline run {run_id} of {options.pipeline} on {options.data}", flush=True)
    progress = StepProgress(sys.stdout)
    run = pipeline_runs.finished(
        endpoints, run_id, timeout_seconds=options.timeout_seconds, show=progress.show
    )
    progress.end(run.steps)
    print(f"  {run.state} after {run.seconds:.1f} s", flush=True)
    if run.state != pipeline_runs.SUCCEEDED:
        raise WorkloadsError(f"pipeline run {run_id}: {run.state}: {run.reason}")
    return _show(endpoints, options.data)


def _show(endpoints: Endpoints, data: str) -> int:
    """Show the served version and one prediction beside the value that it must have; fail if they differ."""
    from workloads import lineage
    from workloads.datasets import model_name
    from workloads.serving.inference_client import InferenceClient

    name = model_name(data)
    traced = lineage.trace(endpoints, name)
    evidence = lineage.held_back(endpoints, traced.annotations["mlflow-run-id"])
    served = InferenceClient(endpoints, name).predict_v1(evidence.rows)
    largest = max(
        abs(found - wanted)
        for row, expected in zip(served, evidence.probabilities, strict=True)
        for found, wanted in zip(row, expected, strict=True)
    )
    classes = [evidence.classes[row.index(max(row))] for row in served]
    equal = sum(found == wanted for found, wanted in zip(classes, evidence.predicted, strict=True))
    place = evidence.classes.index(evidence.predicted[0])
    print(f"model      {name} version {traced.model_version}, pipeline run {traced.pipeline_run_id}")
    print(
        f"answers at {endpoints.gateway_url}/v1/models/{name}:predict  (Host: {endpoints.model_host(name)})"
    )
    print(f"predicted  {classes[0]} with probability {served[0][place]!r}")
    print(f"must be    {evidence.predicted[0]} with probability {evidence.probabilities[0][place]!r}")
    print(f"held back  {equal} of {len(classes)} classes equal, probabilities within {largest:.1e}")
    broken = lineage.broken_links(traced)
    if broken:
        raise WorkloadsError(f"model {name}: its lineage is broken: {broken[0]}")
    if equal < len(classes) or largest > 1e-9:
        raise WorkloadsError(f"model {name}: predicts other than at training time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
