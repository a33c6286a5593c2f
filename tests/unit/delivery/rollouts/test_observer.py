"""What is seen of a rollout, and what the controller makes of it before any caller meets the version."""

import gzip
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delivery.experiments.records import ExperimentState, Measured
from delivery.monitoring.limits import DriftLimits
from delivery.payloads.recent import Batch, Recent
from delivery.proofs import predictors
from delivery.proofs.golden_rows import Outcome
from delivery.proofs.predictors import Predictors
from delivery.proofs.replays import Replays
from delivery.rollouts.controller import Controller
from delivery.rollouts.decisions import Observation, Readiness
from delivery.rollouts.gateway_counters import Answers
from delivery.rollouts.observer import Observer, counted
from delivery.rollouts.records import Defaults, Status, Step
from delivery.rollouts.registry import Registry
from delivery.rollouts.settings import Settings
from tests.unit.delivery.experiments.labelled import ASKED, measured
from tests.unit.delivery.rollouts.rollout_cases import DIGEST, rollout
from tests.unit.delivery.stub_predictors import (
    CANARY,
    GOLDEN,
    STABLE,
    StubPredictor,
    StubPredictors,
    line,
    stub_predictors,
    swapped,
)
from workloads.serving.experiment_request import Experiment, Metric
from workloads.serving.model_rollout import Phase, rollout_body

_ROLLOUTS = "/apis/delivery.plinth.dev/v1alpha1/namespaces/models/modelrollouts"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        monkeypatch.setattr(predictors, "GOLDEN_URL", f"{made.pod_url}/golden")
        made.deploy(STABLE, StubPredictor())
        yield made


def _ready(world: StubPredictors) -> None:
    for service in world.stub.named("inferenceservices").values():
        service["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}


def _settings(world: StubPredictors) -> Settings:
    return Settings(
        # Nobody answers there: no alias is known, and none is set.
        tracking={"models": "http://127.0.0.1:1"},
        domain="test",
        gateway={"name": "traefik", "namespace": "gateway"},
        gateway_pods="",
        defaults=Defaults(steps=(Step(weight=5, seconds=10),)),
        drift=DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03),
        predictor_url=world.service_url,
    )


def _replays(world: StubPredictors) -> Replays:
    rows = [[float(at), 0.0] for at in range(40)]
    lines = [line(row, [0.125, 0.875] if row[0] > 1 else [0.75, 0.25]) for row in rows]
    content = gzip.compress("".join(json.dumps(each) + "\n" for each in lines).encode())
    recent = Recent()
    recent.load(STABLE, [Batch(name="1", content=content, lines=len(lines))])
    return Replays(recent, Predictors(world.service_url, world.cluster))


def _observed(world: StubPredictors, status: Status, replays: Replays | None = None) -> Observation:
    settings = _settings(world)
    registries = {name: Registry(url) for name, url in settings.tracking.items()}
    observer = Observer(settings, world.cluster, registries, replays)
    return observer.observe(
        "models",
        rollout(status),
        world.cluster.versions("models"),
        serving="1",
        has_served=False,
        seconds=2,
        answers=lambda: None,
    )


def test_a_version_that_is_not_ready_is_asked_for_nothing(world: StubPredictors) -> None:
    assert _observed(world, Status()).canary is Readiness.MISSING
    pod = world.deploy(CANARY, StubPredictor(golden=GOLDEN))
    seen = _observed(world, Status(phase=Phase.SHADOW))
    assert (seen.canary, seen.golden, seen.replayed, pod.requests) == (Readiness.STARTING, None, None, [])


def test_a_version_that_is_ready_is_asked_for_golden_rows(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(golden=GOLDEN))
    _ready(world)
    seen = _observed(world, Status())
    assert seen.canary is Readiness.READY
    assert seen.golden is not None
    assert seen.golden.outcome is Outcome.EQUAL


def test_other_files_are_seen(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(digest="e" * 64))
    _ready(world)
    seen = _observed(world, Status())
    assert (seen.canary, seen.canary_says) == (Readiness.OTHER_FILES, "e" * 64)


def test_rows_are_replayed_in_shadow_alone(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor())
    _ready(world)
    replays = _replays(world)
    assert _observed(world, Status(), replays).replayed is None
    seen = _observed(world, Status(phase=Phase.SHADOW, stable_version="1"), replays).replayed
    assert seen is not None
    assert (seen.counts.rows, seen.counts.different, seen.is_over) == (40, 0, True)


def test_where_nothing_is_recorded_nobody_waits_for_it(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor())
    _ready(world)
    seen = _observed(world, Status()).replayed
    assert seen is not None
    assert seen.without == "nothing is recorded: payloads are not enabled"


def _rolled_out(world: StubPredictors, pod: StubPredictor, times: int = 4) -> dict[str, Any]:
    """Return the rollout of version 2 after some ticks, while version 1 serves."""
    world.deploy(CANARY, pod)
    _ready(world)
    for number, version, ended in (("1", "1", True), ("2", "2", False)):
        body = rollout_body(
            f"wine-v{version}-{number}",
            "models",
            model_name="wine",
            version=version,
            digest=DIGEST,
            reason="test",
        )
        body["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{number}Z"
        if ended:
            body["status"] = replace(Status(phase=Phase.PROMOTED), recorded=True).to_json()
        world.stub.add(f"{_ROLLOUTS}/wine-v{version}-{number}", body)
    controller = Controller(_settings(world), world.cluster, _replays(world))
    for _ in range(times):
        controller.tick(2)
    route = world.stub.named("httproutes")["wine-model"]
    shares = {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}
    return {"shares": shares, **world.stub.named("modelrollouts")["wine-v2-2"]["status"]}


def test_a_good_version_meets_callers_once_it_has_proven_itself(world: StubPredictors) -> None:
    found = _rolled_out(world, StubPredictor(golden=GOLDEN))
    assert (found["phase"], found["shares"]) == (
        "Progressing",
        {"wine-v1-predictor": 95, "wine-v2-predictor": 5},
    )
    assert [(each["type"], each["status"], each["reason"]) for each in found["conditions"]] == [
        ("GoldenRows", "True", "Equal"),
        ("Agreement", "True", "Agrees"),
    ]
    assert found["shadow"] == {"rows": 40, "different": 0}


@pytest.mark.parametrize(
    ("golden", "because"),
    [
        (GOLDEN, "version 2: 2 of 2 golden rows are answered otherwise than at training time"),
        (None, "version 2: 40 of 40 recorded rows are answered otherwise than by version 1"),
    ],
)
def test_swapped_classes_meet_nobody(world: StubPredictors, golden: Any, because: str) -> None:
    monitored = StubPredictor(golden=golden, predict=swapped)
    found = _rolled_out(world, monitored, times=2)
    assert (found["phase"], found["shares"]) == ("RolledBack", {"wine-v1-predictor": 100})
    assert found["reason"].startswith(because)
    assert found["counts"] == []


def test_a_golden_answer_that_turns_wrong_later_ends_the_rollout(world: StubPredictors) -> None:
    pod = StubPredictor(golden=GOLDEN)
    assert _rolled_out(world, pod)["phase"] == "Progressing"
    pod.predict = swapped
    controller = Controller(_settings(world), world.cluster, _replays(world))
    controller.tick(2)
    status = world.stub.named("modelrollouts")["wine-v2-2"]["status"]
    assert status["phase"] == "RolledBack"
    assert "golden rows" in status["reason"]


def _compared(
    world: StubPredictors,
    status: Status,
    watch: Any = None,
    experiment: Experiment = ASKED,
    serving: str = "1",
) -> Observation:
    settings = _settings(world)
    registries = {name: Registry(url) for name, url in settings.tracking.items()}
    observer = Observer(settings, world.cluster, registries, None, watch)
    return observer.observe(
        "models",
        rollout(status, experiment=experiment),
        world.cluster.versions("models"),
        serving=serving,
        has_served=False,
        seconds=2,
        answers=lambda: None,
    )


class _Watch:
    def measured(self, namespace: str, rollout: str) -> Measured | None:
        return measured((1, 2), (3, 4)) if (namespace, rollout) == ("models", "wine-v2-abc") else None


def test_what_an_experiment_needs_is_seen_before_any_caller_and_what_it_measures_at_its_share(
    world: StubPredictors,
) -> None:
    world.deploy(CANARY, StubPredictor())
    _ready(world)
    before = _compared(world, Status(), _Watch())
    assert (before.unfit, before.measured) == ("", None)
    assert before.needed.startswith("about ")
    state = ExperimentState(begun_at="2026-11-30T12:00:00+00:00")
    status = Status(phase=Phase.PROGRESSING, weight=50, stable_version="1", experiment=state)
    at_share = _compared(world, status, _Watch())
    assert (at_share.unfit, at_share.needed) == ("", "")
    assert at_share.measured == measured((1, 2), (3, 4))
    assert _compared(world, replace(status, weight=5), _Watch()).measured is None


def test_an_experiment_that_does_not_fit_is_seen_before_any_caller(world: StubPredictors) -> None:
    assert "nothing is recorded" in _compared(world, Status()).unfit
    assert "no other version serves" in _compared(world, Status(), _Watch(), serving="").unfit
    assert "no other version serves" in _compared(world, Status(), _Watch(), serving="2").unfit
    errors = replace(ASKED, metric=Metric.SQUARED_ERROR)
    assert "version 1 names classes" in _compared(world, Status(), _Watch(), errors).unfit
    # A version that does not answer yet may still fit.
    world.pods.clear()
    assert _compared(world, Status(), _Watch(), errors).unfit == ""
    assert _observed(world, Status()).unfit == ""


def test_answers_of_a_version_by_several_rules_of_a_route_are_one_sum() -> None:
    answers = {
        "models-wine-v2-predictor-http-80": Answers(total=5, failed=1),
        "models-wine-v2-predictor-80-2": Answers(total=7),
        "models-wine-v1-predictor-80": Answers(total=20),
        "models-wine-v22-predictor-80": Answers(total=100),
    }
    status = Status(phase=Phase.PROGRESSING, weight=50, stable_version="1")
    counts, _ = counted("models", rollout(status), answers)
    assert (counts.canary, counts.canary_failed, counts.stable) == (12, 1, 20)
