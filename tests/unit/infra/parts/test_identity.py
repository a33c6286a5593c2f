"""Identity: every host is behind the gate, and groups get roles where something is published."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.parts import PARTS, identity
from infra.parts.plan import plan
from infra.settings import reader
from infra.settings.stack import Settings
from tests.fixtures import certificates, platform
from tests.fixtures.recorder import Deployment
from workloads.contract import Host

_CLUSTER = {"kind": "kubeconfig", "name": "local"}
_OIDC = {
    "kind": "oidc",
    "issuer": "https://login.example.com",
    "clientId": "plinth",
    "members": ["engineers"],
    "callers": ["applications"],
}


def _settings(**given: object) -> Settings:
    return reader.parse({"cluster": _CLUSTER, "identity": given})


def _deployed(**given: object) -> Deployment[Any]:
    return platform.deployed(_settings(**given))


def _gate(deployment: Deployment[Any]) -> dict[str, Any]:
    return json.loads(deployment.one("ConfigMap", "traefik-gate").inputs["data"]["gate.json"])


def test_a_stack_that_does_not_name_it_has_a_login() -> None:
    settings = reader.parse({"cluster": _CLUSTER})
    assert identity.wanted(settings)
    assert settings.identity == _settings(kind="local").identity


def test_a_stack_that_declines_it_asks_nobody() -> None:
    settings = _settings(kind="none")
    assert not identity.wanted(settings)
    registered = platform.deployed(settings)
    (traefik,) = registered.pods()["traefik-server"]["containers"]
    assert not [each for each in traefik["args"] if "gate@file" in each]


def test_the_gate_hangs_on_the_entry_point_of_every_route() -> None:
    registered = _deployed(kind="local")
    (traefik,) = registered.pods()["traefik-server"]["containers"]
    assert "--entrypoints.web.http.middlewares=gate@file,in-flight@file" in traefik["args"]
    text = registered.one("ConfigMap", "traefik-configuration").inputs["data"]["dynamic.yaml"]
    assert "gate:///etc/traefik/gate/gate.json" in text


def test_the_gate_knows_every_host_of_the_stack_and_opens_two() -> None:
    settings = _settings(kind="local")
    known = identity.gate_routes(plan(settings, PARTS).routes, "plinth.localhost")
    hosts = {each.get("host", each.get("suffix")) for each in known}
    assert {Host.PIPELINES.below("plinth.localhost"), Host.TRACKING.below("plinth.localhost")} < hosts
    assert "-models.plinth.localhost" in hosts
    assert {each["host"] for each in known if each.get("open")} == {
        Host.OBJECTS.below("plinth.localhost"),
        Host.LOGIN.below("plinth.localhost"),
    }


def test_localhost_leads_where_its_routes_lead() -> None:
    known = identity.gate_routes(plan(_settings(kind="local"), PARTS).routes, "plinth.localhost")
    shared = {each["host"]: each["localhost"] for each in known if "localhost" in each}
    routes = {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["hostnames"][0]
        for each in _deployed(kind="local").of_type("HTTPRoute")
    }
    assert set(shared) == {host for name, host in routes.items() if f"{name}-localhost" in routes}


def test_the_one_user_is_an_administrator_and_steps_may_call_models() -> None:
    registered = _deployed(kind="local")
    bound = {
        (each.inputs["roleRef"]["name"], each.inputs["metadata"]["namespace"], subject["name"])
        for each in registered.of_type("RoleBinding")
        if each.inputs["roleRef"]["kind"] == "ClusterRole"
        for subject in each.inputs["subjects"]
    }
    for namespace in ("kubeflow", "mlflow", "models", "monitoring"):
        assert ("plinth:member", namespace, "local:administrators") in bound
        assert ("plinth:member", namespace, "operator") in bound
    assert ("plinth:caller", "models", "pipeline-runner") in bound
    assert not [each for each in bound if each[0] == "plinth:viewer"]


def test_groups_of_the_issuer_have_its_prefix() -> None:
    registered = _deployed(**_OIDC)
    groups = {
        (each.inputs["roleRef"]["name"], subject["name"])
        for each in registered.of_type("RoleBinding")
        for subject in each.inputs["subjects"]
        if subject["kind"] == "Group"
    }
    assert groups == {
        ("plinth:member", "oidc:engineers"),
        ("plinth:promoter", "oidc:engineers"),
        ("plinth:caller", "oidc:applications"),
    }


def test_whoever_promotes_can_be_fewer_than_the_members() -> None:
    registered = _deployed(**_OIDC, promoters=["leads"])
    promoters = {
        subject["name"]
        for each in registered.of_type("RoleBinding")
        if each.inputs["roleRef"]["name"] == "plinth:promoter"
        for subject in each.inputs["subjects"]
    }
    assert promoters == {"oidc:leads", "operator"}


def test_the_gate_verifies_tokens_of_the_issuer() -> None:
    registered = _deployed(**_OIDC)
    assert _gate(registered)["issuer"]["prefix"] == "oidc:"
    assert _gate(registered)["login"]["path"] == "/oauth2/start"


def test_steps_get_a_token_where_there_is_a_login() -> None:
    def patch(registered: Deployment[Any]) -> str:
        (found,) = [
            each.inputs["data"]["workflowDefaults"]
            for each in registered.of_type("ConfigMap")
            if "workflowDefaults" in (each.inputs.get("data") or {})
        ]
        return json.loads(found)["spec"]["podSpecPatch"]

    with_login = json.loads(patch(_deployed(kind="local")))
    (volume,) = with_login["volumes"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "plinth"
    (mount,) = with_login["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/plinth"
    assert "volumes" not in json.loads(patch(_deployed(kind="none")))


def test_clients_learn_whose_tokens_to_use() -> None:
    registered = _deployed(kind="local")
    assert registered.result["identity_account"] == "identity/operator"
    assert "identity_issuer" not in registered.result


@pytest.mark.parametrize(
    ("given", "client", "audiences"),
    [({}, "plinth", ["plinth"]), ({"publicClientId": "cli"}, "cli", ["plinth", "cli"])],
)
def test_people_learn_where_to_sign_in_from_the_command_line(
    given: dict[str, str], client: str, audiences: list[str]
) -> None:
    registered = _deployed(**_OIDC, **given, scopes=["openid", "groups"])
    assert registered.result["identity_issuer"] == "https://login.example.com"
    assert registered.result["identity_client"] == client
    assert registered.result["identity_scopes"] == "openid groups"
    assert "identity_password" not in registered.result
    assert _gate(registered)["issuer"]["clientIds"] == audiences
    (container,) = registered.pods()["login-server"]["containers"]
    assert "--scope=openid groups" in container["args"]


def test_in_production_the_gateway_and_the_login_survive_the_loss_of_a_node() -> None:
    production = {"environment": "production", "protect": True, "rollouts": {"approval": True}}
    registered = platform.deployed(reader.parse({"cluster": _CLUSTER, "identity": _OIDC, **production}))
    local = _deployed(**_OIDC)
    for name in ("traefik", "login"):
        spec = registered.one("Deployment", f"{name}-server").inputs["spec"]
        assert spec["replicas"] == 2
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        budget = registered.one("PodDisruptionBudget", f"{name}-disruption-budget").inputs["spec"]
        assert budget["selector"] == spec["selector"]
        assert local.one("Deployment", f"{name}-server").inputs["spec"]["replicas"] == 1


def test_a_companys_own_authority_is_known_to_gate_login_and_clients(tmp_path: Path) -> None:
    pem = certificates.make(tmp_path, "login.example.com").authority.read_text()
    registered = _deployed(**_OIDC, authority=pem)
    assert registered.result["identity_authority"] == pem
    assert _gate(registered)["issuer"]["authority"] == pem
    (container,) = registered.pods()["login-server"]["containers"]
    assert "--provider-ca-file=/authorities/authorities.pem" in container["args"]
    assert "identity_authority" not in _deployed(**_OIDC).result


def test_models_and_the_object_store_have_several_shares_of_what_may_be_in_flight() -> None:
    known = identity.gate_routes(plan(_settings(kind="local"), PARTS).routes, "plinth.localhost")
    shares = {each.get("host", each.get("suffix")): each["shares"] for each in known}
    several = {"-models.plinth.localhost", "objects.plinth.localhost", "login.plinth.localhost"}
    assert {host for host, number in shares.items() if number == 8} == several
    assert {number for host, number in shares.items() if host not in several} == {1}
