"""The login: one generated user, or the company's issuer; sessions for the platform's hosts alone."""

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from components.access.login import Issuer, Login, cookie_key, htpasswd, known_to_gate, url
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample


def deployed(*, preview: bool = False, **changes: object) -> Deployment[Login]:
    args = sample.login_args(**changes)
    return deploy(lambda: Login("login", args), preview=preview)


def known(issuer: Issuer | None) -> dict[str, dict[str, Any]]:
    return known_to_gate("http://login", domain="a.b", secure=False, issuer=issuer, prefix="oidc:")


def arguments(deployment: Deployment[Login]) -> list[str]:
    (container,) = deployment.pods()["login-server"]["containers"]
    return container["args"]


@pytest.mark.parametrize("preview", [False, True])
def test_it_meets_the_rules_of_every_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Login")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)


def test_no_secret_is_in_clear() -> None:
    rules.assert_no_secret_in_clear(
        deployed(issuer=sample.ISSUER),
        "cookie-secret-of-tests",
        "password-of-tests",
        "client-secret-of-tests",
    )


def test_the_file_of_users_is_the_same_in_every_run() -> None:
    digest = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()  # noqa: S324 - of the format
    assert htpasswd("secret") == htpasswd("secret") == f"admin:{{SHA}}{digest}\n"


def test_the_key_of_sessions_is_one_for_aes() -> None:
    assert len(cookie_key("anything")) == 32
    assert cookie_key("a") != cookie_key("b")


def test_a_session_is_for_the_platforms_hosts_and_for_https_where_there_is_tls() -> None:
    given = arguments(deployed())
    assert {"--cookie-domain=.plinth.localhost", "--whitelist-domain=.plinth.localhost:*"} <= {*given}
    assert {"--cookie-samesite=lax", "--cookie-secure=false"} <= {*given}
    assert "--cookie-secure=true" in arguments(deployed(gateway=sample.SECURE_GATEWAY))


@pytest.mark.parametrize("issuer", [None, sample.ISSUER])
def test_secrets_are_files_that_the_pod_has(issuer: object) -> None:
    deployment = deployed(issuer=issuer)
    pod = deployment.pods()["login-server"]
    (container,) = pod["containers"]
    assert "secretKeyRef" not in str(container)
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "secret"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "secret"]
    files = {f"{mount['mountPath']}/{each['path']}" for each in volume["secret"]["items"]}
    given = dict(each.split("=", 1) for each in container["args"])
    assert {given["--cookie-secret-file"], given["--client-secret-file"]} <= files


def test_without_an_issuer_nothing_is_called_outside() -> None:
    policy = rules.policies(deployed())["login"]
    assert policy.get("egress") is None
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": 4180, "protocol": "TCP"}]


def test_with_an_issuer_there_is_no_password() -> None:
    given = arguments(deployed(issuer=sample.ISSUER, gateway=sample.SECURE_GATEWAY))
    assert not [each for each in given if "htpasswd" in each]
    assert {
        "--provider=oidc",
        "--oidc-issuer-url=https://login.example.com",
        "--client-id=plinth",
        "--scope=openid email groups",
        "--redirect-url=https://login.plinth.localhost/oauth2/callback",
        "--code-challenge-method=S256",
    } <= {*given}
    assert rules.policies(deployed(issuer=sample.ISSUER))["login"]["egress"]


def test_an_issuer_of_a_companys_own_authority_is_trusted_by_that_one_alone() -> None:
    issuer = replace(sample.ISSUER, authority="the authority")
    deployment = deployed(issuer=issuer)
    assert "--provider-ca-file=/authorities/authorities.pem" in arguments(deployment)
    assert not [each for each in arguments(deployment) if "use-system-trust-store" in each]
    assert known(issuer)["issuer"]["authority"] == "the authority"
    pod = deployment.pods()["login-server"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "authority"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/authorities", True)
    assert _authority(deployment) == {"authorities.pem": "the authority"}


def test_another_authority_is_another_pod() -> None:
    names: set[str] = set()
    for each in ("one", "other"):
        pod = deployed(issuer=replace(sample.ISSUER, authority=each)).pods()["login-server"]
        (volume,) = [each for each in pod["volumes"] if each["name"] == "authority"]
        names.add(volume["configMap"]["name"])
    assert len(names) == 2


def _authority(deployment: Deployment[Login]) -> dict[str, str]:
    (found,) = [
        each.inputs["data"] for each in deployment.of_type("ConfigMap") if each.name == "login-authority"
    ]
    return found


@pytest.mark.parametrize("issuer", [None, sample.ISSUER])
def test_without_one_the_images_authorities_are_trusted(issuer: Issuer | None) -> None:
    deployment = deployed(issuer=issuer)
    assert not [each for each in arguments(deployment) if "ca-file" in each]
    assert "authority" not in known(issuer).get("issuer", {})
    assert deployment.one("ConfigMap").name == "login-pages"


def test_the_gate_asks_about_sessions_where_the_login_listens() -> None:
    service = deployed().one("Service").inputs
    port = service["spec"]["ports"][0]["port"]
    assert url("login", "identity") == f"http://{service['metadata']['name']}.identity:{port}"
    policy = rules.policies(deployed())["login"]
    (incoming,) = policy["ingress"]
    (client,) = incoming["from"]
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}


def test_the_page_has_a_form_that_works_without_a_provider() -> None:
    page = deployed().one("ConfigMap").inputs["data"]["sign_in.html"]
    assert '{{define "sign_in.html"}}' in page
    assert 'action="{{.ProxyPrefix}}/sign_in"' in page
    assert "ProviderName" not in page


def test_a_login_without_a_pod_is_refused() -> None:
    with pytest.raises(ValueError, match="replicas"):
        deployed(replicas=0)
