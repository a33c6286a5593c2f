"""Pipeline runs that are submitted at once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.bench.scale import light_pipeline, pipelines
from tests.fixtures.platforms import ENDPOINTS
from workloads.errors import WorkloadsError


class Client:
    """Ends two more runs at each look."""

    def __init__(self, *, fails: str = "") -> None:
        self.runs: list[str] = []
        self.deleted: set[str] = set()
        self._looks = 0
        self._fails = fails

    def create_run_from_pipeline_package(self, _: str, *, arguments: dict[str, Any], **__: Any) -> Any:
        name = f"r{arguments['number']}"
        self.runs.append(name)
        return SimpleNamespace(run_id=name)

    def list_runs(self, page_size: int, sort_by: str) -> Any:
        assert (page_size, sort_by) == (100, "created_at desc")
        self._looks += 1
        states = ["SUCCEEDED"] * (2 * self._looks) + ["RUNNING"] * len(self.runs)
        found = [
            SimpleNamespace(run_id=run, state="FAILED" if run == self._fails else state)
            for run, state in zip(sorted(self.runs), states, strict=False)
        ]
        return SimpleNamespace(runs=[*found, SimpleNamespace(run_id="of another", state="FAILED")])

    def get_run(self, run_id: str) -> str:
        return run_id

    def delete_run(self, run_id: str) -> None:
        self.deleted.add(run_id)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "_EVERY_SECONDS", 0)
    monkeypatch.setattr(light_pipeline, "compile_to", lambda folder, _: Path(folder) / "scale.yaml")


def use(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(pipelines, "kfp_client", lambda _: client)


def test_all_runs_are_awaited_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    client, looks = Client(), list[int]()
    use(monkeypatch, client)
    with pipelines.stage(ENDPOINTS, count=10, look=lambda: looks.append(1)) as stage:
        assert [point.count for point in stage.points] == [1, 5, 10]
        assert client.deleted == set()
    assert client.deleted == set(client.runs) == {f"r{number}" for number in range(10)}
    assert looks


def test_a_run_that_fails_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(fails="r0")
    use(monkeypatch, client)
    with (
        pytest.raises(WorkloadsError, match="run r0 FAILED"),
        pipelines.stage(ENDPOINTS, count=10, look=lambda: None),
    ):
        pass
    assert len(client.deleted) == 10
