"""Monitoring: choices of the stack reach Prometheus, and everything that is deployed is watched."""

from infra.parts.monitoring import MONITORING
from infra.settings import reader, stack_file
from tests.fixtures import platform

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def test_choices_reach_the_component() -> None:
    chosen = {
        "retention": "2d",
        "remoteWrite": {"url": "https://aps.example/write", "region": "us-east-1"},
        "webhookUrl": "https://hooks.example",
    }
    deployment = platform.deployed(reader.parse({"cluster": CLUSTER, "monitoring": chosen}))
    spec = deployment.one("kubernetes:monitoring.coreos.com/v1:Prometheus").inputs["spec"]
    assert spec["retention"] == "2d"
    assert spec["remoteWrite"] == [{"url": "https://aps.example/write", "sigv4": {"region": "us-east-1"}}]
    assert "https://hooks.example" in str([each.inputs for each in deployment.registrations])


def test_it_is_created_behind_the_gateway_and_not_in_front_of_the_stores() -> None:
    deployment = platform.stack("local")
    gateway = deployment.one("plinth:index:Gateway").urn
    monitoring = deployment.one("plinth:index:PrometheusMonitoring")
    assert gateway in {each for each in monitoring.dependencies} or any(
        "Gateway" in each for each in monitoring.dependencies
    )


def test_a_stack_without_it_has_no_route_to_it() -> None:
    bare = reader.parse({"cluster": CLUSTER, "monitoring": {"enabled": False}})
    assert not MONITORING.wanted(bare)
    hosts = [each["host"] for each in platform.deployed(bare).result["routes"]]
    assert "prometheus.plinth.local" not in hosts
    assert [each.host for each in MONITORING.routes(stack_file.settings("local"))] == ["prometheus"]
