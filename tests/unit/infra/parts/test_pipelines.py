"""Pipelines: steps get every endpoint that the contract names, and reach what they are told of."""

import json
from typing import Any

import pytest

from infra.parts.pipelines import PIPELINES, RUNS_NAMESPACE
from infra.settings import stack_file
from tests.fixtures import platform
from tests.unit.components import rules
from workloads.contract import OBJECT_STORE_SECRET, StepVariable


def test_steps_get_every_variable_of_the_contract() -> None:
    data = platform.stack("local").one("ConfigMap", "pipelines-steps-plinth-endpoints").inputs["data"]
    assert data.keys() == set(StepVariable)
    assert data[StepVariable.GATEWAY_URL] == "http://traefik.gateway"
    assert data[StepVariable.TRACKING_URI].startswith("http://mlflow.mlflow")


def test_steps_reach_the_tracking_server_and_models_behind_the_gateway() -> None:
    policy: dict[str, Any] = rules.policies(platform.stack("local"))["pipeline-steps"]
    reached = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for way in policy["egress"]
        for peer in way["to"]
        if "namespaceSelector" in peer and "podSelector" not in peer
    }
    assert {"gateway", "mlflow"} <= reached


def test_steps_find_and_reach_the_index_that_the_stack_names() -> None:
    deployment = platform.stack("local")
    settings = deployment.one("ConfigMap", "pipelines-argo-settings").inputs["data"]
    patch = json.loads(json.loads(settings["workflowDefaults"])["spec"]["podSpecPatch"])
    index = stack_file.settings("local").pipelines.package_index
    assert {"name": "PIP_INDEX_URL", "value": index} in patch["containers"][0]["env"]
    policy: dict[str, Any] = rules.policies(deployment)["pipeline-steps"]
    assert {
        "to": [{"ipBlock": {"cidr": "10.213.0.0/16"}}],
        "ports": [{"port": 3141, "protocol": "TCP"}],
    } in policy["egress"]


def test_the_alert_of_its_servers_leaves_out_a_database_with_an_alert_of_its_own() -> None:
    assert PIPELINES.watch
    for stack, there in (("local", True), ("prod", False)):
        found = PIPELINES.watch(stack_file.settings(stack)).rules["pipelines"]
        assert any('deployment!="mysql"' in each.expression for each in found) is there


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_no_stack_puts_a_server_or_what_it_keeps_among_the_runs(stack: str) -> None:
    names = {
        (each.type.rpartition(":")[2], each.inputs["metadata"]["name"])
        for each in platform.stack(stack).registrations
        if each.inputs.get("metadata", {}).get("namespace") == RUNS_NAMESPACE
    }
    kept = {"Deployment", "Job", "PersistentVolumeClaim", "Secret", "Service", "StatefulSet"}
    assert {each for each in names if each[0] in kept} == {("Secret", OBJECT_STORE_SECRET)}
