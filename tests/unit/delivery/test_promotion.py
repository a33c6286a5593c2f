"""Promotion and withdrawal of a candidate, and their order."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delivery import promotion
from tests.fixtures.candidates import CANDIDATE, SERVED_CANDIDATE
from tests.fixtures.models import deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient

PLACE = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices"


class Registry:
    """The part of MLflow's client that promotion calls; changes go to the cluster's list, in order."""

    def __init__(self, cluster: StubCluster) -> None:
        self.cluster = cluster
        self.aliases: dict[str, str] = {}
        self.tags: dict[str, str] = {}

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.cluster.changes.append(f"{alias} {name} {version}")
        self.aliases[alias] = version

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.tags[f"{name}/{version}/{key}"] = value

    def search_registered_models(self, query: str) -> list[Any]:
        return [SimpleNamespace(aliases=self.aliases)] if query == "name = 'wine'" else []


class Predictor:
    """Digests that the served model answers with, one after another; an empty one is no answer."""

    def __init__(self, cluster: StubCluster) -> None:
        self.cluster = cluster
        self.digests = ["d6", "d7"]

    def properties(self) -> dict[str, str]:
        digest = self.digests.pop(0) if len(self.digests) > 1 else self.digests[0]
        if not digest:
            raise WorkloadsError("model wine: HTTP 503")
        self.cluster.changes.append(f"answers {digest}")
        return {"model_digest": digest}


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        found.add(f"{PLACE}/wine", deployed_service("wine"))
        found.add(f"{PLACE}/wine-candidate", deployed_service("wine-candidate", SERVED_CANDIDATE))
        yield found


@pytest.fixture
def platform(cluster: StubCluster) -> Endpoints:
    return endpoints(kubeconfig=cluster.kubeconfig)


@pytest.fixture
def registry(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry(cluster)
    monkeypatch.setattr(promotion, "connect", lambda _: found)
    return found


@pytest.fixture
def predictor(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch) -> Predictor:
    found = Predictor(cluster)
    monkeypatch.setattr(InferenceClient, "properties", lambda _: found.properties())
    return found


@pytest.mark.usefixtures("registry", "predictor")
def test_the_alias_moves_only_when_the_version_answers_and_the_candidate_is_deleted_last(
    cluster: StubCluster, platform: Endpoints
) -> None:
    promotion.promote(platform, CANDIDATE)
    answers = [line for line in cluster.changes if line.startswith("answers")]
    assert cluster.changes == [
        "PATCH inferenceservices/wine",
        *answers,
        "champion wine 7",
        "DELETE inferenceservices/wine-candidate",
    ]
    assert answers == ["answers d6", *["answers d7"] * 5]
    assert set(cluster.named("inferenceservices")) == {"wine"}


@pytest.mark.usefixtures("registry", "predictor")
def test_the_model_serves_and_records_the_version_of_its_candidate(
    cluster: StubCluster, platform: Endpoints
) -> None:
    spec = cluster.objects[f"{PLACE}/wine-candidate"]["spec"]
    promotion.promote(platform, CANDIDATE)
    service = cluster.named("inferenceservices")["wine"]
    assert service["spec"] == spec
    assert service["metadata"]["annotations"].items() >= SERVED_CANDIDATE.to_annotations().items()


@pytest.mark.usefixtures("registry", "predictor")
def test_a_model_that_was_never_served_is_served_now(cluster: StubCluster, platform: Endpoints) -> None:
    del cluster.objects[f"{PLACE}/wine"]
    promotion.promote(platform, CANDIDATE)
    assert cluster.changes[0] == "POST inferenceservices/wine"


def test_a_version_that_does_not_answer_does_not_become_champion(
    cluster: StubCluster,
    platform: Endpoints,
    registry: Registry,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor.digests = [""]
    monkeypatch.setattr(promotion, "_ROLLOUT_SECONDS", 0)
    with pytest.raises(
        WorkloadsError, match="version 7 to answer: not within 0 s; last seen: model wine: HTTP 503"
    ):
        promotion.promote(platform, CANDIDATE)
    assert registry.aliases == {}
    assert "wine-candidate" in cluster.named("inferenceservices")


def test_a_candidate_that_is_gone_is_not_promoted(cluster: StubCluster, platform: Endpoints) -> None:
    del cluster.objects[f"{PLACE}/wine-candidate"]
    with pytest.raises(WorkloadsError, match="nothing is promoted"):
        promotion.promote(platform, CANDIDATE)
    assert cluster.changes == []


def test_a_withdrawn_candidate_is_deleted_and_the_model_is_left_alone(
    cluster: StubCluster, platform: Endpoints, registry: Registry
) -> None:
    before = dict(cluster.named("inferenceservices"))
    promotion.withdraw(platform, CANDIDATE)
    promotion.withdraw(platform, CANDIDATE)
    assert cluster.named("inferenceservices") == {"wine": before["wine"]}
    assert registry.aliases == {}


def test_tags_are_cut_to_the_limit_of_the_registry(platform: Endpoints, registry: Registry) -> None:
    promotion.write_tags(platform, CANDIDATE, {"load.verdict": "failed", "load.reasons": "x" * 9000})
    assert registry.tags["wine/7/load.verdict"] == "failed"
    assert len(registry.tags["wine/7/load.reasons"]) == 5000


def test_the_champion_is_the_version_with_the_alias(platform: Endpoints, registry: Registry) -> None:
    assert promotion.find_champion(platform, "wine") is None
    registry.aliases["champion"] = "6"
    assert promotion.find_champion(platform, "wine") == "6"
    assert promotion.find_champion(platform, "beer") is None
