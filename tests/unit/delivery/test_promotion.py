"""Promotion and withdrawal of a candidate."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delivery import promotion
from tests.fixtures.candidates import CANDIDATE, SERVED_CANDIDATE
from tests.fixtures.models import ROLLOUTS, ROUTES, SERVICES, deployed_route, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.model_rollout import Phase


class Registry:
    """The part of MLflow's client that promotion calls."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}
        self.tags: dict[str, str] = {}

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.tags[f"{name}/{version}/{key}"] = value

    def search_registered_models(self, query: str) -> list[Any]:
        return [SimpleNamespace(aliases=self.aliases)] if query == "name = 'wine'" else []


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        found.add(f"{SERVICES}/wine-v3", deployed_service("wine-v3"))
        found.add(f"{SERVICES}/wine-v7", deployed_service("wine-v7", SERVED_CANDIDATE))
        found.add(f"{ROUTES}/wine-model", deployed_route({"3": 100}))
        yield found


@pytest.fixture
def platform(cluster: StubCluster) -> Endpoints:
    return endpoints(kubeconfig=cluster.kubeconfig)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(promotion, "connect", lambda _: found)
    return found


def decided(cluster: StubCluster, phase: Phase, reason: str = "") -> None:
    """Let the delivery controller decide at once."""
    cluster.on_create = lambda _, stored: stored.update(status={"phase": phase.value, "reason": reason})


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.PROMOTED])
def test_a_promotion_asks_for_every_request_at_once_and_changes_nothing_else(
    cluster: StubCluster, platform: Endpoints, phase: Phase
) -> None:
    decided(cluster, phase)
    promotion.promote(platform, CANDIDATE, "load gate: passed")
    ((name, rollout),) = cluster.named("modelrollouts").items()
    assert cluster.changes == [f"POST modelrollouts/{name}"]
    assert rollout["spec"] == {
        "modelName": "wine",
        "version": "7",
        "digest": "d7",
        "reason": "load gate: passed",
        "steps": [],
    }
    assert set(cluster.named("inferenceservices")) == {"wine-v3", "wine-v7"}


def test_a_version_that_is_rolled_back_is_an_error_with_the_controllers_reason(
    cluster: StubCluster, platform: Endpoints
) -> None:
    decided(cluster, Phase.ROLLED_BACK, "version 7 answers with digest d0, not d7")
    with pytest.raises(WorkloadsError) as failed:
        promotion.promote(platform, CANDIDATE, "load gate: passed")
    (name,) = cluster.named("modelrollouts")
    assert str(failed.value) == f"rollout {name}: version 7 answers with digest d0, not d7"


def test_a_rollout_that_nobody_decides_is_an_error(
    cluster: StubCluster, platform: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(cluster, Phase.PENDING, "version 7 is starting")
    monkeypatch.setattr(promotion, "_ROLLOUT_SECONDS", 0)
    with pytest.raises(WorkloadsError, match=r"not within 0 s; last seen: version 7 is starting$"):
        promotion.promote(platform, CANDIDATE, "load gate: passed")
    assert [path.rpartition("/")[0] for path in cluster.objects if "modelrollouts" in path] == [ROLLOUTS]


@pytest.mark.parametrize("weights", [{"3": 100}, {"3": 100, "7": 0}])
def test_a_withdrawn_candidate_is_deleted_and_the_model_is_left_alone(
    cluster: StubCluster, platform: Endpoints, registry: Registry, weights: dict[str, int]
) -> None:
    cluster.add(f"{ROUTES}/wine-model", deployed_route(weights))
    before = dict(cluster.named("inferenceservices"))
    promotion.withdraw(platform, CANDIDATE)
    promotion.withdraw(platform, CANDIDATE)
    assert cluster.named("inferenceservices") == {"wine-v3": before["wine-v3"]}
    assert cluster.changes == ["DELETE inferenceservices/wine-v7"]
    assert registry.aliases == {}


@pytest.mark.parametrize("weights", [{"7": 100}, {"3": 95, "7": 5}])
def test_a_version_that_gets_requests_is_not_withdrawn(
    cluster: StubCluster, platform: Endpoints, weights: dict[str, int]
) -> None:
    cluster.add(f"{ROUTES}/wine-model", deployed_route(weights))
    promotion.withdraw(platform, CANDIDATE)
    assert cluster.changes == []


def test_tags_are_cut_to_the_limit_of_the_registry(platform: Endpoints, registry: Registry) -> None:
    promotion.write_tags(platform, CANDIDATE, {"load.verdict": "failed", "load.reasons": "x" * 9000})
    assert registry.tags["wine/7/load.verdict"] == "failed"
    assert len(registry.tags["wine/7/load.reasons"]) == 5000


def test_the_champion_is_the_version_with_the_alias(platform: Endpoints, registry: Registry) -> None:
    assert promotion.find_champion(platform, "wine") is None
    registry.aliases["champion"] = "6"
    assert promotion.find_champion(platform, "wine") == "6"
    assert promotion.find_champion(platform, "beer") is None
