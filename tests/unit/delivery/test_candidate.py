"""Candidates, found and trained."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delivery.candidate import Candidate, find_candidate, train_candidate
from tests.fixtures.candidates import CANDIDATE, SERVED_CANDIDATE
from tests.fixtures.models import ROLLOUTS, ROUTES, SERVED, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import pipeline_runs
from workloads.datasets import Dataset
from workloads.errors import WorkloadsError
from workloads.pipeline_runs import PipelineRun
from workloads.serving.model_rollout import rollout_body

DATASET = Dataset(data="wine", sha256="s7", target="target")


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


def test_a_candidate_is_what_its_inference_service_records(cluster: StubCluster) -> None:
    platform = endpoints(kubeconfig=cluster.kubeconfig)
    with pytest.raises(WorkloadsError, match="model wine: has no candidate"):
        find_candidate(platform, "wine")
    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
    with pytest.raises(WorkloadsError, match="model wine: has no candidate"):
        find_candidate(platform, "wine")
    cluster.add(f"{SERVICES}/wine-v7", deployed_service("wine-v7", SERVED_CANDIDATE))
    assert find_candidate(platform, "wine") == CANDIDATE == Candidate.of(SERVED_CANDIDATE)
    assert CANDIDATE.service == "wine-v7"


def test_the_newest_version_without_requests_is_the_candidate(cluster: StubCluster) -> None:
    for version in ("9", "10", "11"):
        served = replace(SERVED, model_version=version)
        cluster.add(f"{SERVICES}/wine-v{version}", deployed_service(f"wine-v{version}", served))
    beer = replace(SERVED, model_name="beer", model_version="12")
    cluster.add(f"{SERVICES}/beer-v12", deployed_service("beer-v12", beer))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"9": 95, "11": 5}))
    assert find_candidate(endpoints(kubeconfig=cluster.kubeconfig), "wine").version == "10"


def test_the_way_back_while_a_new_version_bakes_is_no_candidate(cluster: StubCluster) -> None:
    for version in ("3", "7"):
        served = replace(SERVED, model_version=version)
        cluster.add(f"{SERVICES}/wine-v{version}", deployed_service(f"wine-v{version}", served))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"7": 100}))
    body = rollout_body(
        "wine-v7-x", "models", model_name="wine", version="7", digest="d7", reason="test", steps=()
    )
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    body["status"] = {"phase": "Baking", "stableVersion": "3"}
    cluster.add(f"{ROLLOUTS}/wine-v7-x", body)
    with pytest.raises(WorkloadsError, match="model wine: has no candidate"):
        find_candidate(endpoints(kubeconfig=cluster.kubeconfig), "wine")


RUN = PipelineRun(run_id="p7", state="SUCCEEDED", reason="", seconds=90, steps=())


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Inputs of the runs that were submitted; each succeeds."""
    inputs: list[dict[str, Any]] = []

    def submit(_: Any, name: str, arguments: dict[str, Any]) -> str:
        assert name == "train_register_serve"
        inputs.append(arguments)
        return "p7"

    monkeypatch.setattr(pipeline_runs, "submit", submit)
    monkeypatch.setattr(pipeline_runs, "wait_until_finished", lambda *_, **__: RUN)
    return inputs


def test_training_deploys_a_candidate_and_not_the_model(
    cluster: StubCluster, submitted: list[dict[str, Any]]
) -> None:
    cluster.add(f"{SERVICES}/wine-v7", deployed_service("wine-v7", SERVED_CANDIDATE))
    trained = train_candidate(
        endpoints(kubeconfig=cluster.kubeconfig), DATASET, seed=3, regularization=1.5, timeout_seconds=1
    )
    assert trained == CANDIDATE
    (inputs,) = submitted
    assert inputs["candidate"] is True
    assert (inputs["data_sha256"], inputs["seed"], inputs["regularization"]) == ("s7", 3, 1.5)


def test_the_family_and_what_decides_are_handed_to_the_pipeline(
    cluster: StubCluster, submitted: list[dict[str, Any]]
) -> None:
    cluster.add(f"{SERVICES}/wine-v7", deployed_service("wine-v7", SERVED_CANDIDATE))
    train_candidate(
        endpoints(kubeconfig=cluster.kubeconfig),
        DATASET,
        seed=3,
        regularization=1.0,
        timeout_seconds=1,
        family="random_forest",
        objective="f1",
        threshold=0.8,
    )
    (inputs,) = submitted
    assert [inputs[name] for name in ("family", "objective", "threshold")] == ["random_forest", "f1", 0.8]


def test_what_no_model_can_be_judged_by_is_refused_before_anything_is_submitted(
    submitted: list[dict[str, Any]],
) -> None:
    with pytest.raises(WorkloadsError, match=r"^objective 'f1': give the threshold that it must reach"):
        train_candidate(endpoints(), DATASET, seed=0, regularization=1, timeout_seconds=1, objective="f1")
    assert submitted == []


@pytest.mark.usefixtures("submitted")
def test_a_failed_run_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = replace(RUN, state="FAILED", reason="train: out of memory")
    monkeypatch.setattr(pipeline_runs, "wait_until_finished", lambda *_, **__: failed)
    with pytest.raises(WorkloadsError, match="pipeline run p7: FAILED: train: out of memory"):
        train_candidate(endpoints(), DATASET, seed=0, regularization=1, timeout_seconds=1)
