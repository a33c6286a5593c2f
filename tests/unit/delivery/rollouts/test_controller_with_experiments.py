"""The controller during experiments: routes by units, what is put back, each end, and a restart."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from delivery.experiments.records import Measured
from delivery.rollouts.controller import Controller
from tests.unit.delivery.experiments.labelled import measured
from tests.unit.delivery.rollouts import test_controller as cases
from tests.unit.delivery.rollouts.test_controller import World
from workloads.serving import model_route

# The fixture of that module.
world = cases.world

_ASKED = {"metric": "accuracy", "minimumEffect": 0.05, "maxSeconds": 3600}


@dataclass
class _Watch:
    """Stands for the round that reads the object store."""

    found: dict[str, Measured] = field(default_factory=dict[str, Measured])

    def measured(self, namespace: str, rollout: str) -> Measured | None:
        assert namespace == "models"
        return self.found.get(rollout)


@pytest.fixture
def watch(world: World) -> _Watch:
    made = _Watch()
    _start(world, made)
    return made


def _start(world: World, watch: _Watch | None) -> None:
    """Start the controller again; without a watch nothing is recorded."""
    known: Any = world.controller
    world.controller = Controller(known._settings, known._cluster, None, watch)  # pyright: ignore[reportArgumentType]


def _name_classes(world: World) -> None:
    """Let every version name classes."""
    get = world.get

    def with_classes(url: str, **more: Any) -> Any:
        answer = get(url, **more)
        if "properties" in answer.content:
            answer.content["properties"]["classes"] = '["low", "high"]'
            answer.__post_init__()
        return answer

    world.get = with_classes  # pyright: ignore[reportAttributeAccessIssue]


def _begin(world: World, **experiment: Any) -> str:
    """Bring version 2 to the share of its experiment, and return the name of its rollout."""
    _name_classes(world)
    world.serve_first()
    world.deploy("2")
    name = world.ask("2", shadowRows=0, experiment={**_ASKED, **experiment})
    world.answered = {"1": (0, 0), "2": (0, 0)}
    world.tick(times=2)
    return name


def _status(world: World, name: str) -> Any:
    return world.cluster.named("modelrollouts")[name]["status"]


def _route(world: World) -> Any:
    return world.cluster.named("httproutes")["wine-model"]


def test_units_are_assigned_by_the_route_and_rows_count_from_then_on(world: World, watch: _Watch) -> None:
    name = _begin(world)
    assert (world.phase(name), world.weights()) == ("Progressing", {"1": 50, "2": 50})
    new, former, _ = _route(world)["spec"]["rules"]
    assert new["matches"][0]["headers"][0]["name"] == "x-experiment-unit"
    assert new["backendRefs"][0]["name"] == "wine-v2-predictor"
    assert former["backendRefs"][0]["name"] == "wine-v1-predictor"
    assert datetime.fromisoformat(_status(world, name)["experiment"]["begunAt"])
    assert "about" in _status(world, name)["experiment"]["needed"]


def test_a_route_of_an_experiment_that_somebody_changed_is_put_back(world: World, watch: _Watch) -> None:
    _begin(world)
    wanted = [dict(each) for each in _route(world)["spec"]["rules"]]
    _route(world)["spec"]["rules"] = wanted[2:]
    world.tick()
    assert _route(world)["spec"]["rules"] == wanted
    _route(world)["spec"]["rules"][0]["matches"] = [
        {"headers": [{"name": "x-experiment-unit", "value": "a"}]}
    ]
    world.tick()
    assert _route(world)["spec"]["rules"] == wanted


def test_what_the_api_server_adds_to_rules_is_no_change(world: World, watch: _Watch) -> None:
    _begin(world)
    for rule in _route(world)["spec"]["rules"]:
        for match in rule.setdefault("matches", [{}]):
            match["path"] = {"type": "PathPrefix", "value": "/"}
    before = [each for each in world.cluster.changes if "httproutes" in each]
    world.tick(times=3)
    assert [each for each in world.cluster.changes if "httproutes" in each] == before


def test_a_better_version_is_promoted_and_its_route_has_one_rule_again(world: World, watch: _Watch) -> None:
    name = _begin(world)
    watch.found[name] = measured((2800, 3000), (2500, 3000))
    world.answered = {"1": (500, 0), "2": (500, 0)}
    world.tick()
    assert (world.phase(name), world.weights(), world.aliases["champion"]) == ("Baking", {"2": 100}, "2")
    assert len(_route(world)["spec"]["rules"]) == 1
    world.tick(seconds=30, times=2)
    assert world.phase(name) == "Promoted"
    assert world.tags["2", f"rollout.{name}"]["experiment"]["verdict"] == "better"


@pytest.mark.parametrize(
    ("found", "verdict", "reason"),
    [
        (measured((2500, 3000), (2800, 3000)), "worse", "version 2 is worse: accuracy 0.8333"),
        (measured((9000, 10_000), (9005, 10_000)), "no difference", "version 2 makes no difference larger"),
        (
            measured((90, 100), (80, 100), is_full=True),
            "none",
            "version 2 is neither better nor worse so far",
        ),
    ],
)
def test_each_other_end_leaves_the_serving_version(
    world: World, watch: _Watch, found: Measured, verdict: str, reason: str
) -> None:
    name = _begin(world)
    watch.found[name] = found
    world.tick(times=2)
    assert (world.phase(name), world.weights(), world.aliases["champion"]) == ("RolledBack", {"1": 100}, "1")
    status = _status(world, name)
    assert (status["experiment"]["verdict"], status["reason"].startswith(reason)) == (verdict, True)
    world.tick(times=2)
    assert world.tags["2", f"rollout.{name}"]["experiment"]["verdict"] == verdict


def test_a_time_without_a_verdict_ends_it(world: World, watch: _Watch) -> None:
    name = _begin(world, maxSeconds=60)
    world.tick(seconds=50)
    assert world.phase(name) == "Progressing"
    world.tick(seconds=20)
    assert world.phase(name) == "RolledBack"
    assert "after 60 s: no row has a label; version 1 stays" in _status(world, name)["reason"]


def test_a_controller_that_starts_again_goes_on_with_the_experiment(world: World, watch: _Watch) -> None:
    name = _begin(world)
    begun = _status(world, name)["experiment"]["begunAt"]
    watch.found[name] = measured((90, 100), (80, 100))
    world.tick()
    _start(world, _Watch())
    world.tick(times=2)
    experiment = _status(world, name)["experiment"]
    assert (world.phase(name), experiment["begunAt"]) == ("Progressing", begun)
    # What was found last stays until somebody looks again.
    assert experiment["challenger"]["rows"] == 100
    assert world.weights() == {"1": 50, "2": 50}


def test_without_recorded_requests_there_is_no_experiment(world: World) -> None:
    _start(world, None)
    name = _begin(world)
    assert (world.phase(name), world.weights()) == ("RolledBack", {"1": 100})
    assert "nothing is recorded; set plinth:payloads.enabled" in _status(world, name)["reason"]


def test_without_another_version_there_is_no_experiment(world: World, watch: _Watch) -> None:
    world.deploy("1")
    name = world.ask("1", experiment=_ASKED)
    world.tick()
    assert world.phase(name) == "RolledBack"
    assert "no other version serves to compare with" in _status(world, name)["reason"]


def test_a_version_that_units_still_reach_is_not_deleted(world: World, watch: _Watch) -> None:
    name = _begin(world)
    del world.cluster.objects[f"/apis/delivery.plinth.dev/v1alpha1/namespaces/models/modelrollouts/{name}"]
    assert model_route.versions(_route(world), "wine") == {"1", "2"}
    world.tick(times=2)
    assert len(_route(world)["spec"]["rules"]) == 1
