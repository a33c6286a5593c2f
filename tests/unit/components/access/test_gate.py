"""The gate: what it knows, where it is asked, and its rights."""

from typing import Any

import pytest

from components.access import gate, login
from components.access.roles import OPEN, Access
from tests.unit.components import sample

_MODELS = Access(group="serving.kserve.io", resource="inferenceservices", subresource="predictions")
_ROUTES = (
    _MODELS.route(host="MODEL-models.plinth.localhost", namespace="models"),
    OPEN.route(host="objects.plinth.localhost", namespace="storage"),
)


def content(*, issuer: login.Issuer | None = None) -> dict[str, Any]:
    domain, url = "plinth.localhost", login.url("login", "identity")
    known = login.known_to_gate(url, domain=domain, secure=False, issuer=issuer, prefix="oidc:")
    return gate.content(domain=domain, routes=_ROUTES, login=known)


def test_it_may_ask_the_api_who_somebody_is_and_nothing_else() -> None:
    rules: list[Any] = [*gate.rules()]
    granted = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert granted == {("tokenreviews", "create"), ("subjectaccessreviews", "create")}


def test_tokens_are_for_the_platform_or_for_pods() -> None:
    assert content()["audiences"][0] == "plinth"
    assert "issuer" not in content()
    assert content(issuer=sample.ISSUER)["issuer"] == {
        "url": "https://login.example.com",
        "clientIds": ["plinth", "plinth-cli"],
        "userClaim": "email",
        "groupsClaim": "groups",
        "prefix": "oidc:",
    }


def test_people_sign_in_on_our_page_or_at_the_issuer() -> None:
    assert content()["login"] == {
        "url": "http://login.identity:4180",
        "host": "login.plinth.localhost",
        "path": "/oauth2/sign_in",
        "cookie": "plinth",
        "prefix": "oidc:",
        "secure": False,
    }
    assert content(issuer=sample.ISSUER)["login"]["path"] == "/oauth2/start"


def test_it_is_asked_within_the_process_by_its_file() -> None:
    assert gate.address() == "gate:///etc/traefik/gate/gate.json"
    assert gate.address("/folder") == "gate:///folder/gate.json"


def test_a_gate_with_nothing_behind_it_is_refused() -> None:
    with pytest.raises(ValueError, match="routes: none given"):
        gate.content(domain="plinth.localhost", routes=[], login={})
