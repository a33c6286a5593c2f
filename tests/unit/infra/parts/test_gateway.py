"""The gateway reaches what is routed, and the stack says where it answers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from infra.account import entrance
from infra.settings import reader, stack_file
from tests.fixtures import platform, platforms
from tests.unit.components import rules
from tests.unit.infra import choices
from workloads.contract import GATEWAY_LABEL, Host
from workloads.endpoints import Endpoints

_GATEWAY = ("gateway_url", "gateway_domain")


def _backends(stack: str) -> list[str]:
    policy: dict[str, Any] = rules.policies(platform.stack(stack))["traefik"]
    peers = [peer for way in policy["egress"] for peer in way["to"] if "namespaceSelector" in peer]
    return [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in peers]


def test_the_gateway_reaches_the_namespaces_of_routes_and_no_others() -> None:
    assert _backends("local") == ["kubeflow", "mlflow", "models", "monitoring", "object-store"]
    teams = ["applied", "research", "serving"]
    pipelines = [f"pipelines-{each}" for each in teams]
    own = ["identity", "kubeflow", "mlflow", "models", "monitoring"]
    assert _backends("prod") == sorted([*own, *teams, *pipelines])


def test_the_address_is_an_output_where_a_cloud_gives_one() -> None:
    assert not {"gateway_url", "gateway_address"} & platform.stack("local").result.keys()
    assert {"gateway_url", "gateway_address"} <= platform.stack("dev").result.keys()
    assert platform.stack("prod").result["gateway_domain"] == "plinth.example.com"


def uncovered(result: Mapping[str, Any]) -> list[str]:
    """Return the names in URLs of a stack's outputs that a certificate for `*.<domain>` is not for."""
    given = {name: result[name] for name in _GATEWAY}
    endpoints = Endpoints(**{**platforms.OUTPUTS, **given})
    hosts = [each.below(endpoints.gateway_domain) for each in Host] + [endpoints.model_host("wine")]
    urls = [endpoints.gateway_url, *(endpoints.url(host) for host in hosts)]
    names = [urlsplit(each).hostname or "" for each in urls]
    return [each for each in names if not entrance.covers(f"*.{endpoints.gateway_domain}", each)]


def test_every_url_of_a_gateway_with_a_certificate_has_a_name_that_the_certificate_is_for() -> None:
    result = platform.stack("prod").result
    assert urlsplit(result["gateway_url"]).hostname == "gateway.plinth.example.com"
    assert uncovered(result) == []
    assert uncovered({**result, "gateway_url": "https://here.elb.amazonaws.com"}) == [
        "here.elb.amazonaws.com"
    ]
    routed = {each["host"].partition(".")[0] for each in result["routes"]}
    assert GATEWAY_LABEL not in routed


def test_production_survives_the_loss_of_a_node() -> None:
    replicas = {
        stack: platform.stack(stack).one("Deployment", "traefik-server").inputs["spec"]["replicas"]
        for stack in ("dev", "prod")
    }
    assert replicas == {"dev": 1, "prod": 2}


def test_routes_are_an_output_with_full_hosts() -> None:
    routes = platform.stack("local").result["routes"]
    hosts = [each["host"] for each in routes]
    assert hosts == [
        "objects.plinth.local",
        "mlflow.plinth.local",
        "MODEL-models.plinth.local",
        "pipelines.plinth.local",
        "prometheus.plinth.local",
    ]
    assert all(each["title"] and each["description"] for each in routes)
    chosen = choices.changed(choices.of_stack("local"), "monitoring.grafanaImage", "grafana:12")
    with_grafana = platform.deployed(reader.parse(chosen)).result["routes"]
    assert "grafana.plinth.local" in [each["host"] for each in with_grafana]
    assert stack_file.settings("local").gateway.domain == "plinth.local"


def test_how_much_one_user_may_ask_at_once_is_a_setting() -> None:
    cluster = {"kind": "kubeconfig", "name": "local"}
    chosen = reader.parse({"cluster": cluster, "gateway": {"inFlight": 7}, "identity": {"kind": "local"}})
    data = platform.deployed(chosen).one("ConfigMap", "traefik-middlewares").inputs["data"]
    assert "amount: 7" in data["middlewares.yaml"]
