"""Delivery: what a stack records of requests, in the settings of predictors, controller and Prometheus."""

import json
from typing import Any

from components.monitoring.watch import Watch
from infra.parts.delivery import DELIVERY
from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.fixtures.recorder import Deployment

CLUSTER = {"kind": "kubeconfig", "name": "local"}
OFF = {"enabled": False}
WITHOUT = reader.parse({"cluster": CLUSTER, "drift": OFF, "payloads": OFF})


def _ports(deployment: Deployment[Any], policy: str) -> list[int]:
    """Return the ports at which pods of models are reached from the namespace of the controller."""
    rules = deployment.one("NetworkPolicy", policy).inputs["spec"]["ingress"]
    return [port["port"] for rule in rules if "'delivery'" in str(rule["from"]) for port in rule["ports"]]


def _settings(deployment: Deployment[Any]) -> Any:
    return json.loads(deployment.one("ConfigMap", "delivery-settings").inputs["data"]["settings.json"])


def _arguments(deployment: Deployment[Any]) -> list[str]:
    (runtime, *_) = deployment.of_type("ClusterServingRuntime")
    return runtime.inputs["spec"]["containers"][0]["args"]


def test_drift_is_looked_for_and_requests_are_stored_by_default() -> None:
    local = platform.stack("local")
    assert _ports(local, "kserve-predictors-policy") == [8080, 8081]
    assert _settings(local)["drift"] == {"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03}
    assert _settings(local)["payloads"]["bucket"] == "payloads"
    assert {"--record_bins=true", "--record_sample_rate=1"} <= {*_arguments(local)}
    assert DELIVERY.watch
    watch = DELIVERY.watch(stack_file.settings("local"))
    assert [each.name for each in watch.targets] == ["delivery"]
    assert [each.name for each in watch.dashboards] == ["drift", "payloads", "experiments"]


def test_the_models_of_a_team_are_read_too() -> None:
    assert 8081 in _ports(platform.stack("teams"), "models-research-predictors-policy")


def test_payloads_alone_open_the_port_too() -> None:
    alone = reader.parse({"cluster": CLUSTER, "drift": OFF, "payloads": {"sampleRate": 0.1}})
    deployment = platform.deployed(alone)
    assert _ports(deployment, "kserve-predictors-policy") == [8080, 8081]
    recorded = [each for each in _arguments(deployment) if each.startswith("--record")]
    assert recorded == ["--record_sample_rate=0.1"]
    assert DELIVERY.watch
    assert [each.name for each in DELIVERY.watch(alone).targets] == ["delivery"]


def test_features_excluded_from_either_are_excluded_from_both() -> None:
    chosen = reader.parse(
        {
            "cluster": CLUSTER,
            "drift": {"excludedFeatures": ["age"]},
            "payloads": {"excludedFeatures": ["name", "age"]},
        }
    )
    assert chosen.excluded_features == ("age", "name")
    deployment = platform.deployed(chosen)
    assert '--record_excluded_features=["age", "name"]' in _arguments(deployment)
    assert _settings(deployment)["payloads"]["excludedFeatures"] == ["age", "name"]


def test_where_it_is_not_nothing_is_counted_read_or_scraped() -> None:
    without = platform.deployed(WITHOUT)
    assert _ports(without, "kserve-predictors-policy") == [8080]
    assert (_settings(without)["drift"], _settings(without)["payloads"]) == (None, None)
    assert not any(each.startswith("--record") for each in _arguments(without))
    assert DELIVERY.watch
    assert DELIVERY.watch(WITHOUT) == Watch()
