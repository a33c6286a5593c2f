"""`make bench-scale`: pipeline runs, models, MLflow runs and served models in large numbers, one by one."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.instance import Instance
from harness import memory, published_figures
from harness.bench.rest import wait_until_at_rest
from harness.bench.scale import models, predictors, tracking
from harness.bench.scale.growth import Stage, added, highest
from harness.bench.scale.report import lines
from harness.bench.scale.server import purge_experiment
from upstream.cache import cache_root
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

PIPELINE_RUNS: Final = 50
MODELS: Final = 200
MLFLOW_RUNS: Final = 10_000
SERVED: Final = 20
PER_PREDICTOR: Final = 10
BOUND: Final = "served-models"
"""Bound of docs/figures/scale.toml for the memory of the served models."""
_ORIGINAL = "wine"


class Bench:
    """A platform that is measured; each method is a stage, which leaves nothing behind."""

    def __init__(self, endpoints: Endpoints, instance: Instance) -> None:
        """Take the platform; nothing is measured yet."""
        from workloads.tracking import connect

        self._endpoints = endpoints
        self._instance = instance
        self._mlflow: Any = connect(endpoints)

    def tracking(self) -> Stage:
        """Log runs of MLflow."""

        def purge(experiment_id: str) -> None:
            purge_experiment(self._endpoints, experiment_id)

        before = self._memory()
        with tracking.experiment(self._mlflow, purge) as experiment_id:
            stage = tracking.record(self._mlflow, experiment_id, MLFLOW_RUNS)
            stage.memory = added(before, self._memory())
        return stage

    def models(self) -> Stage:
        """Register models."""
        return self._made(lambda: models.stage(self._mlflow, self._original(), MODELS))

    def predictors(self) -> Stage:
        """Serve models, several in each predictor."""
        served = lineage.trace(self._endpoints, _ORIGINAL).served
        row = lineage.read_held_back(self._endpoints, served.mlflow_run_id).rows[0]
        stage = self._made(
            lambda: predictors.stage(
                self._endpoints,
                self._mlflow,
                self._original(),
                row,
                count=SERVED,
                per_predictor=PER_PREDICTOR,
            )
        )
        stage.bounded_mib = sum(mib for name, mib in stage.memory.items() if predictors.is_shared(name))
        return stage

    def pipelines(self) -> Stage:
        """Submit pipeline runs."""
        from harness.bench.scale import pipelines

        before = self._memory()
        peak: dict[str, float] = {}

        def look() -> None:
            nonlocal peak
            peak = highest(
                peak, added(before, memory.of_instance(self._instance, self._endpoints.kubeconfig))
            )

        with pipelines.stage(self._endpoints, count=PIPELINE_RUNS, look=look) as stage:
            stage.peak = peak
            stage.memory = added(before, self._memory())
        return stage

    def _made(self, make: Callable[[], AbstractContextManager[Stage]]) -> Stage:
        """Return what a stage measured, with the memory that its objects take at rest."""
        before = self._memory()
        with make() as stage:
            stage.memory = added(before, self._memory())
        return stage

    def _original(self) -> Any:
        from workloads.steps.registered import registered

        return registered(self._mlflow, _ORIGINAL, models.ALIAS)

    def _memory(self) -> list[memory.Memory]:
        wait_until_at_rest(self._instance)
        return memory.of_instance(self._instance, self._endpoints.kubeconfig)


STAGES: Final[dict[str, Callable[[Bench], Stage]]] = {
    "models": Bench.models,
    "predictors": Bench.predictors,
    "tracking": Bench.tracking,
    "pipelines": Bench.pipelines,
}
"""By the name on the command line, the quickest first."""


def main(stack: str, only: Sequence[str], outputs: Path | None = None) -> int:
    """Measure a running platform; print and write what was measured, and return the exit code.

    Args:
        stack: The stack of the platform; its cluster is a native one of this machine, and it serves wine.
        only: Names of stages; empty for all.
        outputs: File with the stack's outputs; without one, infra is asked.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    found: dict[str, Stage] = {}
    status = 0
    try:
        endpoints = Endpoints.from_file(outputs) if outputs else Endpoints.of_stack(stack)
        bench = Bench(endpoints, Instance(os.environ.get("PLINTH_INSTANCE", "default")))
        for name in only or STAGES:
            found[name] = STAGES[name](bench)
            print("\n".join(lines(found[name])), flush=True)
            status = max(status, _judge(found[name]))
    except (ClusterError, WorkloadsError) as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    if found:
        _write(found)
    return status


def _judge(stage: Stage) -> int:
    """Return 1 and say so if a stage takes more than docs/figures allows."""
    if stage.bounded_mib is None:
        return 0
    bound = published_figures.bounds("scale")[BOUND]
    if stage.bounded_mib <= bound.value:
        return 0
    print(f"error: {bound.text}: {stage.bounded_mib:.0f} MiB, at most {bound.value:.0f}", file=sys.stderr)
    return 1


def _write(found: dict[str, Stage]) -> None:
    """Write what was measured; stages of earlier calls stay in the file."""
    target = cache_root() / "reports" / "bench-scale.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    former: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    report = {**former, **{name: asdict(stage) for name, stage in found.items()}}
    target.write_text(json.dumps(report, indent=1) + "\n")
    print(f"report: {target}")
