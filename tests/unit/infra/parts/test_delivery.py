"""Delivery: one controller for the models of the stack and of every team, each judged by its own MLflow."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.rollouts.records import Step
from delivery.rollouts.settings import Settings
from infra.parts import PARTS
from infra.parts.delivery import DELIVERY, NAMESPACE
from infra.parts.plan import plan
from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.fixtures.recorder import Deployment

CLUSTER = {"kind": "kubeconfig", "name": "local"}
TEAMS = reader.parse({"cluster": CLUSTER, "teams": [{"name": "research"}, {"name": "applied"}]})


def _file(deployment: Deployment[Any]) -> dict[str, Any]:
    (text,) = deployment.one("ConfigMap", "delivery-settings").inputs["data"].values()
    return json.loads(text)


def test_every_stack_has_one_in_a_namespace_of_its_own() -> None:
    for name in ("local", "teams", "dev", "staging", "prod"):
        made = plan(stack_file.settings(name), PARTS)
        assert NAMESPACE in made.namespaces, name
        assert "delivery-controller" in made.images, name
    assert DELIVERY.namespaces == (NAMESPACE,)


def test_each_namespace_of_models_has_the_mlflow_of_its_team() -> None:
    assert _file(platform.deployed(TEAMS))["tracking"] == {
        "models": "http://mlflow.mlflow:5000",
        "research": "http://mlflow-research.mlflow:5000",
        "applied": "http://mlflow-applied.mlflow:5000",
    }
    assert [*_file(platform.stack("local"))["tracking"]] == ["models"]


def test_its_rights_are_in_the_namespaces_of_models_and_at_the_gateway() -> None:
    deployment = platform.deployed(TEAMS)
    bound = {
        each.inputs["metadata"]["namespace"]
        for each in [*deployment.of_type("RoleBinding"), *deployment.of_type("ClusterRoleBinding")]
        if any(subject.get("namespace") == NAMESPACE for subject in each.inputs["subjects"])
    }
    assert bound == {"gateway", "models", "research", "applied"}


def test_the_servers_that_it_asks_let_it_in() -> None:
    deployment = platform.deployed(TEAMS)

    def lets_in(namespace: str, port: int) -> bool:
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}
        return any(
            peer in rule.get("from", []) and port in {each["port"] for each in rule.get("ports", [])}
            for policy in deployment.of_type("NetworkPolicy")
            if policy.inputs["metadata"]["namespace"] == namespace
            for rule in policy.inputs["spec"].get("ingress", [])
        )

    assert lets_in("gateway", 9000)
    assert lets_in("mlflow", 5000)
    for namespace in ("kubeflow", "pipelines-research", "pipelines-applied"):
        assert lets_in(namespace, 8888), namespace
    for namespace in ("models", "research", "applied"):
        assert lets_in(namespace, 8080), namespace


def test_production_rolls_out_in_steps_and_by_two_people(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(_file(platform.stack("prod"))))
    read = Settings.read(file)
    assert read.defaults.approval
    assert read.defaults.steps[0] == Step(weight=1, seconds=120)
    assert read.gateway_pods
    assert read.retraining is not None
    assert read.retraining.max_per_week == 2
    assert read.gateway == {"name": "traefik", "namespace": "gateway"}


def test_drift_begins_runs_of_the_pipelines_that_train_its_models() -> None:
    file = _file(platform.deployed(TEAMS))["retraining"]
    assert file["pipelines"] == {
        "models": "http://ml-pipeline.kubeflow:8888",
        "research": "http://ml-pipeline.pipelines-research:8888",
        "applied": "http://ml-pipeline.pipelines-applied:8888",
    }
    assert (file["cooldownSeconds"], file["maxPerWeek"], file["minimumLabelledRows"]) == (86400, 2, 200)
    assert "workload" in file["image"]


@pytest.mark.parametrize("part", ["retraining", "drift", "payloads", "monitoring"])
def test_without_any_of_what_it_takes_drift_begins_nothing(part: str) -> None:
    deployment = platform.deployed(reader.parse({"cluster": CLUSTER, part: {"enabled": False}}))
    assert _file(deployment)["retraining"] is None
    assert not [
        each for each in deployment.of_type("Service") if each.inputs["metadata"]["name"] == "delivery"
    ]
