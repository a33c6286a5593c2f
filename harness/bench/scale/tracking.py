"""Ten thousand runs of MLflow, as several clients would log them, through the gateway."""

import itertools
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from harness.bench.scale.growth import Point, Stage, goals, milliseconds
from workloads.errors import WorkloadsError

EXPERIMENT = "scale"
_CLIENTS = 8


def log_run(client: MlflowClient, experiment_id: str, number: int) -> str:
    """Log a run of three parameters, three metrics and a tag, and end it: three requests; return its id."""
    moment = int(time.time() * 1000)
    run = client.create_run(experiment_id, run_name=f"scale-{number}")
    scores = {"score": (number % 1000) / 1000, "loss": 1 / (1 + number), "rows": float(number)}
    client.log_batch(
        run.info.run_id,
        [Metric(name, value, moment, 0) for name, value in scores.items()],
        [Param(name, f"{number % width}") for name, width in (("depth", 12), ("rate", 100), ("seed", 1000))],
        [RunTag("purpose", "scale")],
    )
    client.set_terminated(run.info.run_id)
    return run.info.run_id


@contextmanager
def experiment(client: MlflowClient, purge: Callable[[str], None]) -> Generator[str]:
    """Make the experiment of the runs, and delete it with all of them.

    Args:
        client: Client of the platform's MLflow.
        purge: Called with the id of the deleted experiment: MLflow's API itself only marks it.

    Raises:
        WorkloadsError: an experiment of that name is there.
    """
    if client.get_experiment_by_name(EXPERIMENT) is not None:
        raise WorkloadsError(
            f"experiment {EXPERIMENT}: exists; delete it, then run `mlflow gc` on the server"
        )
    made = client.create_experiment(EXPERIMENT)
    try:
        yield made
    finally:
        client.delete_experiment(made)
        purge(made)


def record(client: MlflowClient, experiment_id: str, count: int) -> Stage:
    """Log `count` runs by eight threads, and time three reads meanwhile."""
    stage = Stage(what="MLflow runs")
    seconds = 0.0
    done: list[str] = []
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for goal in goals(count):
            began = time.monotonic()
            numbers = range(len(done), goal)
            done += pool.map(log_run, itertools.repeat(client), itertools.repeat(experiment_id), numbers)
            seconds += time.monotonic() - began
            stage.points.append(
                Point(count=len(done), seconds=seconds, reads=_reads(client, experiment_id, done))
            )
    found: Any = client.search_runs([experiment_id], "params.depth = '3'", max_results=count)
    expected = len([each for each in range(count) if each % 12 == 3])
    if len(found) != min(expected, count):
        raise WorkloadsError(f"MLflow finds {len(found)} runs of {expected} that were logged with depth 3")
    return stage


def _reads(client: MlflowClient, experiment_id: str, run_ids: Sequence[str]) -> dict[str, float]:
    middle = run_ids[len(run_ids) // 2]
    return {
        "get a run": milliseconds(lambda: client.get_run(middle)),
        "list up to 100 runs": milliseconds(lambda: client.search_runs([experiment_id], max_results=100)),
        "search runs by a metric, the 50 best": milliseconds(
            lambda: client.search_runs(
                [experiment_id],
                "metrics.score > 0.5 and params.depth = '3'",
                max_results=50,
                order_by=["metrics.score DESC"],
            )
        ),
    }
