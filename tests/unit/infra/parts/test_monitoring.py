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
    assert "prometheus.plinth.localhost" not in hosts
    assert [each.host for each in MONITORING.routes(stack_file.settings("local"))] == ["prometheus"]


def test_each_team_with_pipelines_sees_the_series_of_its_own_namespaces() -> None:
    teams = [{"name": "research"}, {"name": "applied", "pipelines": False}]
    chosen = reader.parse({"cluster": CLUSTER, "teams": teams})
    (route,) = [each for each in MONITORING.routes(chosen) if each.host != "prometheus"]
    assert (route.host, route.namespace, route.rights_namespace) == (
        "prometheus-research",
        "monitoring",
        "research",
    )
    # A question changes nothing, however it is sent.
    assert route.access.reads == ("",)
    deployment = platform.deployed(chosen)
    made = {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["rules"]
        for each in deployment.of_type("HTTPRoute")
        if each.inputs["metadata"]["name"].startswith("prometheus-")
    }
    assert made.keys() == {"prometheus-research", "prometheus-research-localhost"}
    for rule in made["prometheus-research"]:
        (given,) = rule["filters"]
        assert given["requestHeaderModifier"]["set"][0]["value"] == "research,pipelines-research"
    paths = [rule["matches"][0]["path"]["value"] for rule in made["prometheus-research-localhost"]]
    (local,) = route.access.localhost
    assert all(path.startswith(f"{local}/") for path in paths)


def test_a_stack_without_teams_has_no_proxy_and_no_image_of_it() -> None:
    plain = reader.parse({"cluster": CLUSTER})
    assert "prom-label-proxy" in MONITORING.unused_images(plain)
    assert not platform.deployed(plain).of_type("plinth:index:TeamMetrics")
