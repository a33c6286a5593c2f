"""The round that measures experiments: which ones, of which versions, and what fails alone."""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delivery.experiments.experiment_watch import ExperimentWatch
from delivery.experiments.records import ExperimentState, Measured, Verdict
from delivery.proofs.predictors import Predictors
from delivery.rollouts.records import Status
from tests.unit.delivery.experiments.labelled import ASKED, measured
from tests.unit.delivery.stub_predictors import (
    CANARY,
    STABLE,
    StubPredictor,
    StubPredictors,
    stub_predictors,
)
from workloads.serving.model_rollout import Phase, rollout_body

_NOW = datetime(2026, 11, 30, 13, tzinfo=UTC)
_BEGUN = "2026-11-30T12:00:00+00:00"


class _Stored:
    """Stands for the object store."""

    def __init__(self) -> None:
        self.found: Measured | Exception = measured((90, 100), (80, 100))
        self.asked: list[Any] = []

    def measure(
        self, namespace: str, model_name: str, metric: Any, window: Any, *, challenger: Any, champion: Any
    ) -> Measured:
        self.asked.append((namespace, model_name, metric, window, challenger, champion))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def world(tmp_path: Path) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        made.deploy(STABLE, StubPredictor(classes=("low", "high")))
        made.deploy(CANARY, StubPredictor(classes=("high", "low")))
        yield made


def _add(world: StubPredictors, name: str = "wine-v2-a", *, compares: bool = True, **status: Any) -> None:
    options = {"experiment": ASKED.to_json()} if compares else {}
    body = rollout_body(
        name, "models", model_name="wine", version="2", digest="d" * 64, reason="test", options=options
    )
    fine: dict[str, Any] = {
        "phase": Phase.PROGRESSING,
        "weight": 50,
        "stable_version": "1",
        "experiment": ExperimentState(begun_at=_BEGUN),
    }
    body["status"] = Status(**{**fine, **status}).to_json()
    path = f"/apis/delivery.plinth.dev/v1alpha1/namespaces/models/modelrollouts/{name}"
    world.stub.add(path, body)


def _watch(world: StubPredictors, stored: _Stored) -> ExperimentWatch:
    predictors = Predictors(world.service_url, world.cluster)
    return ExperimentWatch(["models", "team"], world.cluster, predictors, stored, clock=lambda: _NOW)  # pyright: ignore


def test_an_experiment_under_way_is_measured_with_the_classes_of_each_version(world: StubPredictors) -> None:
    _add(world)
    stored = _Stored()
    watch = _watch(world, stored)
    assert watch.measured("models", "wine-v2-a") is None
    watch.round()
    assert watch.measured("models", "wine-v2-a") == stored.found
    ((namespace, model_name, metric, window, new, former),) = stored.asked
    assert (namespace, model_name, metric) == ("models", "wine", ASKED.metric)
    assert window == (datetime(2026, 11, 30, 12, tzinfo=UTC), _NOW)
    assert (new.version, new.classes, former.version, former.classes) == (
        "2",
        ("high", "low"),
        "1",
        ("low", "high"),
    )
    assert (new.is_challenger, former.is_challenger) == (True, False)


@pytest.mark.parametrize(
    "status",
    [
        {"experiment": ExperimentState()},
        {"experiment": ExperimentState(begun_at=_BEGUN, verdict=Verdict.BETTER)},
        {"phase": Phase.ROLLED_BACK},
    ],
)
def test_what_has_not_begun_or_is_over_is_not_measured(world: StubPredictors, status: dict[str, Any]) -> None:
    _add(world, **status)
    _add(world, "wine-v2-b", compares=False)
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    assert stored.asked == []
    assert watch.measured("models", "wine-v2-a") is None


def test_a_store_that_is_away_leaves_what_was_found_before(
    world: StubPredictors, caplog: pytest.LogCaptureFixture
) -> None:
    _add(world)
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    before, stored.found = stored.found, OSError("away")
    for _ in range(3):
        watch.round()
    assert watch.measured("models", "wine-v2-a") == before
    said = [each.message for each in caplog.records]
    assert said == ["experiment of models/wine-v2-a: not measured (OSError: away)"]


def test_a_version_that_does_not_answer_is_measured_later(world: StubPredictors) -> None:
    _add(world)
    pod = world.pods.pop(CANARY)
    stored = _Stored()
    watch = _watch(world, stored)
    watch.round()
    assert (stored.asked, watch.measured("models", "wine-v2-a")) == ([], None)
    world.pods[CANARY] = pod
    watch.round()
    assert watch.measured("models", "wine-v2-a") == stored.found


def test_prometheus_reads_the_result_of_the_last_experiment_of_a_model(world: StubPredictors) -> None:
    _add(world, experiment=ExperimentState(begun_at=_BEGUN, verdict=Verdict.WORSE))
    watch = _watch(world, _Stored())
    watch.round()
    assert 'version="2",verdict="worse"} 1' in watch.text
