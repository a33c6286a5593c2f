"""Delivery: where drift is looked for, predictors, the controller and Prometheus are told."""

import json
from typing import Any

from components.monitoring.watch import Watch
from infra.parts.delivery import DELIVERY
from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.fixtures.recorder import Deployment

WITHOUT = reader.parse({"cluster": {"kind": "kubeconfig", "name": "local"}, "drift": {"enabled": False}})


def _ports(deployment: Deployment[Any], policy: str) -> list[int]:
    """Return the ports at which pods of models are reached from the namespace of the controller."""
    rules = deployment.one("NetworkPolicy", policy).inputs["spec"]["ingress"]
    return [port["port"] for rule in rules if "'delivery'" in str(rule["from"]) for port in rule["ports"]]


def _limits(deployment: Deployment[Any]) -> Any:
    return json.loads(deployment.one("ConfigMap", "delivery-settings").inputs["data"]["settings.json"])[
        "drift"
    ]


def _arguments(deployment: Deployment[Any]) -> list[str]:
    (runtime, *_) = deployment.of_type("ClusterServingRuntime")
    return runtime.inputs["spec"]["containers"][0]["args"]


def test_drift_is_looked_for_by_default() -> None:
    local = platform.stack("local")
    assert _ports(local, "kserve-predictors-policy") == [8080, 8081]
    assert _limits(local) == {"windowRows": 1000, "psi": 0.2}
    assert "--record_bins=true" in _arguments(local)
    assert DELIVERY.watch
    watch = DELIVERY.watch(stack_file.settings("local"))
    assert [each.name for each in watch.targets] == ["delivery"]
    assert [each.name for each in watch.dashboards] == ["drift"]


def test_the_models_of_a_team_are_read_too() -> None:
    assert 8081 in _ports(platform.stack("teams"), "models-research-predictors-policy")


def test_where_it_is_not_nothing_is_counted_read_or_scraped() -> None:
    without = platform.deployed(WITHOUT)
    assert _ports(without, "kserve-predictors-policy") == [8080]
    assert _limits(without) is None
    assert "--record_bins=true" not in _arguments(without)
    assert DELIVERY.watch
    assert DELIVERY.watch(WITHOUT) == Watch()
