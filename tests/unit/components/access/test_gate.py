"""The gate: what it knows, whom it serves, and who gets which role where."""

import dataclasses
import json
from typing import Any

import pytest

from components.access.gate import OPERATOR, Gate, GateArgs, Subject, url
from components.access.login import Login, LoginArgs
from components.access.roles import OPEN, Access, Role
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

_MODELS = Access(group="serving.kserve.io", resource="inferenceservices", subresource="predictions")
_WITH_ISSUER = sample.login_args(issuer=sample.ISSUER, prefix="oidc:")


def deployed(*, preview: bool = False, login: LoginArgs | None = None, **changes: object) -> Deployment[Gate]:
    def program() -> Gate:
        plain = GateArgs(
            namespace="identity",
            image="gate",
            domain="plinth.localhost",
            routes=[
                _MODELS.route(host="MODEL-models.plinth.localhost", namespace="models"),
                OPEN.route(host="objects.plinth.localhost", namespace="storage"),
            ],
            namespaces={"models": "models"},
            clients=(network_policies.in_namespace("gateway"),),
            login=Login("login", login or sample.login_args()),
            bindings={
                "models": {
                    Role.MEMBER: (Subject(name="local:administrators"), Subject(name="a", namespace="n")),
                    Role.VIEWER: (),
                },
            },
        )
        return Gate("gate", dataclasses.replace(plain, **changes))  # pyright: ignore[reportArgumentType]

    return deploy(program, preview=preview)


def config(deployment: Deployment[Gate]) -> dict[str, Any]:
    return json.loads(deployment.one("ConfigMap", "gate-config").inputs["data"]["gate.json"])


@pytest.mark.parametrize("preview", [False, True])
def test_it_meets_the_rules_of_every_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["gate-server"])


def test_it_may_ask_the_api_who_somebody_is_and_nothing_else() -> None:
    (binding,) = deployed().of_type("ClusterRoleBinding")
    role = deployed().one("ClusterRole", "gate-role").inputs
    assert binding.inputs["roleRef"]["name"] == role["metadata"]["name"]
    granted = {
        (resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }
    assert granted == {("tokenreviews", "create"), ("subjectaccessreviews", "create")}


def test_tokens_are_for_the_platform_or_for_pods() -> None:
    assert config(deployed())["audiences"][0] == "plinth"
    assert "issuer" not in config(deployed())
    assert config(deployed(login=_WITH_ISSUER))["issuer"] == {
        "url": "https://login.example.com",
        "clientIds": ["plinth", "plinth-cli"],
        "userClaim": "email",
        "groupsClaim": "groups",
        "prefix": "oidc:",
    }


def test_another_content_is_another_pod() -> None:
    names = set[str]()
    for deployment in (deployed(), deployed(domain="other.example")):
        (volume,) = deployment.pods()["gate-server"]["volumes"]
        names.add(volume["configMap"]["name"])
        assert deployment.one("ConfigMap", "gate-config").inputs["metadata"]["name"] in names
    assert len(names) == 2


def test_roles_are_bound_where_something_is_published() -> None:
    (binding,) = deployed().of_type("RoleBinding")
    assert binding.inputs["metadata"]["namespace"] == "models"
    assert binding.inputs["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "plinth:member",
    }
    assert [each["kind"] for each in binding.inputs["subjects"]] == ["Group", "ServiceAccount"]


def test_the_operator_has_no_token_in_a_pod() -> None:
    account = deployed().one("ServiceAccount", "gate-operator").inputs
    assert account["metadata"]["name"] == OPERATOR
    assert account["automountServiceAccountToken"] is False


def test_only_the_gateway_asks_it_and_it_asks_the_login() -> None:
    policy = rules.policies(deployed())["gate"]
    (incoming,) = policy["ingress"]
    (client,) = incoming["from"]
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}
    assert [each["ports"][0]["port"] for each in policy["egress"]] == [443, 4180]
    with_issuer = rules.policies(deployed(login=_WITH_ISSUER))["gate"]
    assert len(with_issuer["egress"]) == 3


def test_its_url_is_the_service_that_it_makes() -> None:
    service = deployed().one("Service", "gate-service").inputs
    port = service["spec"]["ports"][0]["port"]
    assert url("identity") == f"http://{service['metadata']['name']}.identity:{port}/check"


@pytest.mark.parametrize(
    ("change", "clause"),
    [({"routes": []}, "routes"), ({"namespaces": {}}, "no models"), ({"replicas": 0}, "replicas")],
)
def test_a_gate_that_could_not_work_is_refused(change: dict[str, Any], clause: str) -> None:
    with pytest.raises(ValueError, match=clause):
        deployed(**change)
