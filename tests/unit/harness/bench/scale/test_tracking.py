"""Runs of MLflow in large numbers."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.bench.scale import tracking
from workloads.errors import WorkloadsError


class Tracking:
    def __init__(self, loses: int = -1) -> None:
        self.experiments: list[str] = []
        self.depths: dict[str, str] = {}
        self.ended: set[str] = set()
        self._loses = loses

    def get_experiment_by_name(self, name: str) -> str | None:
        return name if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        self.experiments.append(name)
        return "7"

    def delete_experiment(self, experiment_id: str) -> None:
        assert experiment_id == "7"
        self.experiments.clear()

    def create_run(self, experiment_id: str, run_name: str) -> Any:
        assert experiment_id == "7"
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def log_batch(self, run_id: str, metrics: list[Any], params: list[Any], tags: list[Any]) -> None:
        assert (len(metrics), len(params), len(tags)) == (3, 3, 1)
        if run_id != f"scale-{self._loses}":
            self.depths[run_id] = params[0].value

    def set_terminated(self, run_id: str) -> None:
        self.ended.add(run_id)

    def get_run(self, run_id: str) -> str:
        return run_id

    def search_runs(self, _: list[str], query: str = "", **__: Any) -> list[str]:
        return [run for run, depth in self.depths.items() if query != "params.depth = '3'" or depth == "3"]


def test_runs_are_logged_ended_counted_and_removed() -> None:
    client: Any = Tracking()
    purged: list[str] = []
    with tracking.experiment(client, purged.append) as made:
        stage = tracking.record(client, made, 40)
    assert [point.count for point in stage.points] == [4, 20, 40]
    assert len(client.ended) == 40
    assert list(stage.points[0].reads) == [
        "get a run",
        "list up to 100 runs",
        "search runs by a metric, the 50 best",
    ]
    assert (client.experiments, purged) == ([], ["7"])


def test_a_run_that_is_lost_is_an_error() -> None:
    client: Any = Tracking(loses=15)
    with pytest.raises(WorkloadsError, match="finds 3 runs of 4 that were logged with depth 3"):
        tracking.record(client, "7", 40)


def test_an_experiment_that_is_there_is_left_alone() -> None:
    client: Any = Tracking()
    client.create_experiment(tracking.EXPERIMENT)
    with (
        pytest.raises(WorkloadsError, match="experiment scale: exists"),
        tracking.experiment(client, lambda _: None),
    ):
        pass
    assert client.experiments == [tracking.EXPERIMENT]
