import dataclasses
from typing import Any

import pytest

from components.monitoring.prometheus_operator import PrometheusOperator, PrometheusOperatorArgs, definitions
from components.monitoring.prometheus_operator import rules as rights
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

SCRAPER = network_policies.pods({"app": "prometheus"})


def args(**changes: object) -> PrometheusOperatorArgs:
    plain = PrometheusOperatorArgs(
        namespace="monitoring", image="operator:v0", reloader_image="reloader:v0", scrapers=(SCRAPER,)
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PrometheusOperator]:
    return deploy(lambda: PrometheusOperator("operator", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PrometheusOperator")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["operator-server"])


def test_it_starts_after_definitions_rights_and_its_way_to_the_api() -> None:
    deployment = deployed()
    needed = {"operator-definitions", "operator-binding", "operator-cluster-binding", "operator-policy"}
    assert needed <= rules.before(deployment, deployment.one("Deployment"))


def test_it_watches_one_namespace_and_runs_our_reloader() -> None:
    (container,) = deployed().pods()["operator-server"]["containers"]
    assert "--namespaces=monitoring" in container["args"]
    assert "--prometheus-config-reloader=reloader:v0" in container["args"]


def test_outside_its_namespace_it_only_reads() -> None:
    inside, outside = rights()
    assert {verb for rule in outside for verb in rule["verbs"]} <= {"get", "list", "watch"}  # pyright: ignore
    writable: set[Any] = {each for rule in inside for each in rule["resources"]}  # pyright: ignore
    assert {"secrets", "statefulsets", "prometheuses"} <= writable
    deployment = deployed()
    assert deployment.one("Role").inputs["metadata"]["namespace"] == "monitoring"
    assert "secrets" not in str(deployment.one("ClusterRole").inputs["rules"])


def test_every_kind_that_the_operator_waits_for_is_defined() -> None:
    kinds = {each["spec"]["names"]["kind"] for each in definitions()}
    assert kinds == {
        "Alertmanager",
        "AlertmanagerConfig",
        "PodMonitor",
        "Probe",
        "Prometheus",
        "PrometheusRule",
        "ServiceMonitor",
    }


def test_definitions_check_what_people_write_and_stay_small() -> None:
    found = {each["spec"]["names"]["kind"]: each for each in definitions()}
    spec = found["Prometheus"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert spec["properties"]["retention"]["type"] == "string"
    assert spec["properties"]["volumes"]["items"]["x-kubernetes-preserve-unknown-fields"] is True
    assert len(str(found)) < 100_000


def test_a_reloader_must_be_named() -> None:
    with pytest.raises(ValueError, match="reloader_image: none given"):
        args(reloader_image="")
