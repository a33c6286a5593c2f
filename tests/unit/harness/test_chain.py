"""Runs of the reference pipeline for journeys."""

import csv
import io
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import chain
from tests.fixtures.models import ROUTES, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import ENDPOINTS, endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import object_store, pipeline_runs
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import PipelineRun

RUN = PipelineRun(run_id="p1", state="SUCCEEDED", reason="", seconds=90, steps=())


class Store:
    """An object store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's names
        self.objects[f"{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    found = Store()
    monkeypatch.setattr(object_store, "pipelines_store", lambda _: found)
    return found


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Inputs of the runs that were submitted."""
    inputs: list[dict[str, Any]] = []

    def submit(_: Any, name: str, arguments: dict[str, Any]) -> str:
        assert name == chain.PIPELINE
        inputs.append(arguments)
        return f"p{len(inputs)}"

    monkeypatch.setattr(pipeline_runs, "submit", submit)
    monkeypatch.setattr(
        pipeline_runs, "wait_until_finished", lambda _, run_id, **__: replace(RUN, run_id=run_id)
    )
    return inputs


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


def test_a_run_is_submitted_with_the_choices_of_the_journey(submitted: list[dict[str, Any]]) -> None:
    assert chain.run(ENDPOINTS, "wine", seed=1) == RUN
    assert (submitted[0]["model_name"], submitted[0]["seed"]) == ("wine", 1)
    assert len(submitted[0]["data_sha256"]) == 64


@pytest.mark.usefixtures("submitted")
def test_a_run_that_does_not_succeed_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = replace(RUN, state="FAILED", reason="train: out of memory")
    monkeypatch.setattr(pipeline_runs, "wait_until_finished", lambda *_, **__: failed)
    with pytest.raises(WorkloadsError, match="pipeline run p1: FAILED: train: out of memory"):
        chain.run(ENDPOINTS, "wine")


def test_an_uploaded_file_has_an_address(store: Store) -> None:
    assert chain.upload(ENDPOINTS, "a.csv", b"x") == "s3://pipelines/data/a.csv"
    assert store.objects == {"pipelines/data/a.csv": b"x"}


def test_runs_are_submitted_for_every_model_but_the_served_one(
    cluster: StubCluster, store: Store, submitted: list[dict[str, Any]]
) -> None:
    platform = endpoints(kubeconfig=cluster.kubeconfig)
    assert chain.submit_all(platform) == {"breast-cancer": "p1", "flowers": "p2", "wine": "p3"}
    assert submitted[1]["target"] == "kind"
    submitted.clear()
    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
    assert set(chain.submit_all(platform)) == {"breast-cancer", "flowers"}
    rows = list(csv.reader(io.StringIO(store.objects["pipelines/data/flowers.csv"].decode(), newline="")))
    assert (len(rows), {row[2] for row in rows[1:]}) == (61, {"small, white", "large"})


def test_versions_are_numbers_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = SimpleNamespace(
        search_model_versions=lambda *_, **__: [SimpleNamespace(version=each) for each in ("10", "9", "1")]
    )
    monkeypatch.setattr(chain, "connect", lambda _: registry)
    assert chain.versions(ENDPOINTS, "wine") == [1, 9, 10]
