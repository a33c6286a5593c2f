"""From applying an InferenceService to its being ready."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from harness.bench import readiness
from tests.fixtures.models import ROUTES, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.errors import WorkloadsError


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


def test_a_copy_is_applied_until_it_is_ready_and_deleted(cluster: StubCluster) -> None:
    copies: list[dict[str, Any]] = []

    def make_ready(_: str, stored: dict[str, Any]) -> None:
        copies.append(dict(stored))
        stored["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}

    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
    cluster.on_create = make_ready
    assert 0 <= readiness.measure_apply_to_ready(endpoints(kubeconfig=cluster.kubeconfig), "wine") < 30
    assert cluster.changes == ["POST inferenceservices/bench", "DELETE inferenceservices/bench"]
    assert copies[0]["spec"] == deployed_service("wine-v3")["spec"]
    assert "plinth.dev/model-name" not in copies[0]["metadata"]["labels"], "it gets none of wine's requests"


def test_a_copy_that_is_not_ready_in_time_is_deleted_as_well(
    cluster: StubCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_READY_SECONDS", 0)
    cluster.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
    cluster.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
    cluster.on_create = lambda _, stored: stored.update(
        status={"conditions": [{"type": "PredictorReady", "status": "False"}]}
    )
    with pytest.raises(WorkloadsError, match=r"last seen: \{'PredictorReady': 'False'\}"):
        readiness.measure_apply_to_ready(endpoints(kubeconfig=cluster.kubeconfig), "wine")
    assert set(cluster.named("inferenceservices")) == {"wine-v3"}


def test_a_model_that_is_not_served_cannot_be_copied(cluster: StubCluster) -> None:
    with pytest.raises(WorkloadsError, match="model wine: is not served"):
        readiness.measure_apply_to_ready(endpoints(kubeconfig=cluster.kubeconfig), "wine")
    assert cluster.changes == []
