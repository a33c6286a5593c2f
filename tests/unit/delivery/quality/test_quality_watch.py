"""The round over versions that serve: which ones are held against labels, and what fails alone."""

import logging
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delivery.experiments.records import Answered
from delivery.proofs.predictors import Predictors
from delivery.quality.quality_watch import QualityWatch
from delivery.rollouts.cluster import Cluster
from tests.unit.delivery.quality.test_exposition import samples
from tests.unit.delivery.stub_predictors import (
    CANARY,
    STABLE,
    StubPredictor,
    StubPredictors,
    stub_predictors,
)
from workloads.serving import model_route

_NOW = datetime(2026, 11, 30, 13, tzinfo=UTC)
_BEGUN = "2026-11-30T12:00:00Z"
_WRONG = Answered(rows=100, wrong_rows=40, requests=100, wrong=40.0)


class _Stored:
    """Stands for the object store."""

    def __init__(self) -> None:
        self.found: dict[str, Answered | Exception] = {"1": _WRONG, "2": Answered()}
        self.asked: list[Any] = []

    def measure(self, namespace: str, model_name: str, side: Any, window: Any) -> Answered:
        self.asked.append((namespace, model_name, side.version, side.classes, window))
        found = self.found[side.version]
        if isinstance(found, Exception):
            raise found
        return found


class _Registry:
    """Stands for MLflow."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] | Exception = {"accuracy": 0.95}
        self.asked = 0

    def held_back(self, model_name: str, version: str) -> dict[str, float]:
        self.asked += 1
        if isinstance(self.metrics, Exception):
            raise self.metrics
        return self.metrics


@pytest.fixture
def world(tmp_path: Path) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        for each in (STABLE, CANARY):
            made.deploy(each, StubPredictor())
            name = f"wine-v{each.number}"
            path = f"/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/{name}"
            made.stub.objects[path]["metadata"]["creationTimestamp"] = _BEGUN
        _route(made, {"1": 100})
        yield made


def _route(world: StubPredictors, shares: dict[str, int]) -> None:
    gateway = {"name": "traefik", "namespace": "gateway"}
    route = model_route.route("models", "wine.test", gateway, "wine", shares)
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes/wine-model"
    world.stub.add(path, route)


def _watch(world: StubPredictors, stored: _Stored, registry: _Registry | None = None) -> QualityWatch:
    registries: Any = {each: registry or _Registry() for each in ("models", "research")}
    predictors = Predictors(world.service_url, world.cluster)
    return QualityWatch(registries, 0.03, world.cluster, predictors, stored, clock=lambda: _NOW)  # pyright: ignore


def test_every_version_that_serves_is_counted_since_it_began(world: StubPredictors) -> None:
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    window = (datetime(2026, 11, 30, 12, tzinfo=UTC), _NOW)
    assert stored.asked == [("models", "wine", "1", ("low", "high"), window)]
    assert samples(watch.text, "1")["alarm"] == 1
    assert samples(watch.text, "2") == {}
    _route(world, {"1": 50, "2": 50})
    watch.round()
    assert samples(watch.text, "2")["labelled_rows"] == 0
    # The one that serves no longer says nothing more.
    _route(world, {"2": 100})
    watch.round()
    assert samples(watch.text, "1") == {}


def test_a_regression_is_not_counted(world: StubPredictors) -> None:
    world.pods[STABLE].classes = ()
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    assert (stored.asked, samples(watch.text, "1")) == ([], {})


def test_a_version_without_evaluation_has_no_verdict_until_it_has_one(world: StubPredictors) -> None:
    registry = _Registry()
    registry.metrics = {}
    watch = _watch(world, _Stored(), registry)
    watch.round()
    found = samples(watch.text, "1")
    assert (found["without_reference"], found["accuracy"]) == (1, 0.6)
    assert "alarm" not in found
    registry.metrics = {"accuracy": 0.95}
    watch.round()
    assert samples(watch.text, "1")["alarm"] == 1


def test_a_reference_that_is_known_is_not_asked_for_again(world: StubPredictors) -> None:
    registry = _Registry()
    watch = _watch(world, _Stored(), registry)
    for _ in range(3):
        watch.round()
    assert registry.asked == 1
    registry.metrics = OSError("away")
    watch.round()
    assert samples(watch.text, "1")["alarm"] == 1


def test_whoever_starts_again_finds_the_same(world: StubPredictors) -> None:
    first, second = (_watch(world, _Stored()) for _ in range(2))
    for _ in range(3):
        first.round()
    second.round()
    assert first.text == second.text


def test_a_store_that_is_away_leaves_what_was_found_before_and_is_logged_once(
    world: StubPredictors, caplog: pytest.LogCaptureFixture
) -> None:
    _route(world, {"1": 50, "2": 50})
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    before = samples(watch.text, "1")
    stored.found["1"] = OSError("away")
    stored.found["2"] = _WRONG
    with caplog.at_level(logging.WARNING, "delivery"):
        for _ in range(3):
            watch.round()
    assert samples(watch.text, "1") == before
    # One version is not to keep the others from being counted.
    assert samples(watch.text, "2")["alarm"] == 1
    assert [each.message for each in caplog.records] == [
        "quality of version 1 of wine in models: not compared with labels (OSError: away)"
    ]


def test_a_version_that_does_not_answer_is_counted_later(world: StubPredictors) -> None:
    pod = world.pods.pop(STABLE)
    watch = _watch(world, _Stored())
    watch.round()
    assert samples(watch.text, "1") == {}
    world.pods[STABLE] = pod
    watch.round()
    assert samples(watch.text, "1")["alarm"] == 1


def test_more_than_one_look_reads_is_logged(world: StubPredictors, caplog: pytest.LogCaptureFixture) -> None:
    stored = _Stored()
    stored.found["1"] = Answered(rows=1, requests=1, is_full=True)
    with caplog.at_level(logging.WARNING, "delivery"):
        _watch(world, stored).round()
    (line,) = [each.message for each in caplog.records]
    assert line.endswith("labels or requests of an hour are too many, some were left out")


def test_a_namespace_that_cannot_be_listed_keeps_what_is_known(
    world: StubPredictors, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _watch(world, _Stored())
    watch.round()

    def failing(self: Cluster, namespace: str) -> Any:
        raise OSError

    monkeypatch.setattr(Cluster, "routes", failing)
    watch.round()
    assert samples(watch.text, "1")["alarm"] == 1


def test_a_round_that_fails_is_left_out_and_the_next_one_comes(
    world: StubPredictors, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()
    rounds: list[int] = []

    def failing(self: QualityWatch) -> None:
        rounds.append(1)
        if len(rounds) == 2:
            ended.set()
        raise OSError

    monkeypatch.setattr(QualityWatch, "round", failing)
    monkeypatch.setattr(QualityWatch, "interval", 0)
    _watch(world, _Stored()).run(ended)
    assert len(rounds) == 2
    assert "quality: this round was left out" in caplog.text
