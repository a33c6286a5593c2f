"""The gateway reaches what is routed, and the stack says where it answers."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pulumi
import pytest

from infra import assembly, target
from infra.account import entrance
from infra.parts import gateway
from infra.settings import reader, stack_file
from infra.settings.stack import GatewaySettings, Tls
from tests.fixtures import platform, platforms
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.infra import choices
from workloads.contract import GATEWAY_LABEL, Host, StepVariable
from workloads.endpoints import Endpoints

_GATEWAY = ("gateway_url", "gateway_domain")
TLS: Final = GatewaySettings(tls=Tls.LOCAL)


def _backends(stack: str) -> list[str]:
    policy: dict[str, Any] = rules.policies(platform.stack(stack))["traefik"]
    peers = [peer for way in policy["egress"] for peer in way["to"] if "namespaceSelector" in peer]
    return [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in peers]


def test_the_gateway_reaches_the_namespaces_of_routes_and_no_others() -> None:
    own = ["identity", "kubeflow", "mlflow", "models", "monitoring"]
    assert _backends("local") == [*own, "object-store"]
    teams = ["applied", "research", "serving"]
    pipelines = [f"pipelines-{each}" for each in teams]
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


@pytest.fixture(scope="module")
def secure() -> Deployment[dict[str, Any]]:
    """A stack with teams and TLS; the component `outputs` has the stack's outputs as the engine gets them."""
    settings = reader.parse(choices.changed(choices.of_stack("teams"), "gateway.tls", "local"))

    def program() -> dict[str, Any]:
        made = assembly.deploy(settings, platform.secrets(), target.connect(settings))
        pulumi.ComponentResource("test:index:Outputs", "outputs").register_outputs(made)
        return made

    return deploy(program)


def test_the_certificate_of_a_stack_with_tls_is_kept_by_its_state_and_served(
    secure: Deployment[dict[str, Any]],
) -> None:
    kept = secure.one("pulumi:index:Stash", "secrets-gateway-certificate").inputs["input"]["value"]
    served = secure.one("Secret", "traefik-certificate").inputs["stringData"]["value"]
    assert served["tls.key"] == kept["gatewayKey"]
    assert served["tls.crt"] == kept["gatewayCertificate"]
    assert secure.output("outputs")["gateway_authority"] == kept["gatewayAuthority"]
    assert "gateway-certificate" in str(secure.of_type("PrometheusRule"))


def test_every_host_of_a_stack_with_tls_is_one_that_its_certificate_is_for(
    secure: Deployment[dict[str, Any]],
) -> None:
    (certificate,) = gateway.certificates(stack_file.settings("teams").model_copy(update={"gateway": TLS}))
    hosts = [each["host"] for each in secure.result["routes"]]
    assert "pipelines-research.plinth.localhost" in hosts
    names = certificate.names
    assert [each for each in hosts if not any(entrance.covers(name, each) for name in names)] == []
    assert {"localhost", "127.0.0.1", "::1"} < {*names}


def test_people_sign_in_over_tls_and_steps_call_models_inside_the_cluster(
    secure: Deployment[dict[str, Any]],
) -> None:
    (login,) = secure.pods()["login-server"]["containers"]
    assert "--cookie-secure=true" in login["args"]
    assert secure.output("outputs")["prometheus_url"] == "https://prometheus.plinth.localhost"
    steps = secure.one("ConfigMap", "pipelines-steps-plinth-endpoints").inputs["data"]
    assert steps[StepVariable.GATEWAY_URL] == "http://traefik.gateway"


def test_a_stack_without_tls_makes_no_certificate() -> None:
    local = platform.stack("local")
    assert not [each for each in local.of_type("pulumi:index:Stash") if "gateway" in each.name]
    assert "gateway_authority" not in local.result
    assert gateway.certificates(stack_file.settings("prod")) == ()


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
        "objects.plinth.localhost",
        "mlflow.plinth.localhost",
        "MODEL-models.plinth.localhost",
        "pipelines.plinth.localhost",
        "login.plinth.localhost",
        "prometheus.plinth.localhost",
    ]
    assert all(each["title"] and each["description"] for each in routes)
    chosen = choices.changed(choices.of_stack("local"), "monitoring.grafanaImage", "grafana:12")
    with_grafana = platform.deployed(reader.parse(chosen)).result["routes"]
    assert "grafana.plinth.localhost" in [each["host"] for each in with_grafana]
    assert stack_file.settings("local").gateway.domain == "plinth.localhost"


def test_how_much_one_user_may_ask_at_once_is_a_setting() -> None:
    cluster = {"kind": "kubeconfig", "name": "local"}
    chosen = reader.parse({"cluster": cluster, "gateway": {"inFlight": 7}, "identity": {"kind": "local"}})
    data = platform.deployed(chosen).one("ConfigMap", "traefik-configuration").inputs["data"]
    assert "amount: 7" in data["dynamic.yaml"]
