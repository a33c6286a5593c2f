"""The front door of a company: its own issuer says who people are, and RBAC what their groups may do."""

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fixtures import issuers, platforms
from tests.fixtures.front_door import DOMAIN, MLFLOW, PIPELINES, RUNS, Door, front_door, jwt
from tests.fixtures.issuers import CLIENT, PUBLIC_CLIENT, Issuer
from workloads import logins, tokens
from workloads.contract import TOKEN_AUDIENCE
from workloads.wait import wait_for

_HTML = {"Accept": "text/html"}
_OPERATOR = "system:serviceaccount:identity:operator"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[Issuer]:
    with issuers.issuer(tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Generator[Door]:
    """A door with a right for one group of the issuer, and for the operator."""
    folder = tmp_path_factory.mktemp("front-door")
    with front_door(folder, company=issuer) as door:
        _give_rights(door)

        def signs_in() -> str | None:
            status = door.ask("GET", f"login.{DOMAIN}", "/ping").status
            return None if status == 200 else f"HTTP {status}: {(folder / 'login.log').read_text()[-300:]}"

        wait_for("oauth2-proxy", signs_in, timeout_seconds=60)
        yield door


def _give_rights(door: Door) -> None:
    everything = [{"namespace": each} for each in ("kubeflow", "mlflow")]
    door.world.rights |= {"oidc:engineers": everything, _OPERATOR: everything}


def _signed_in(door: Door, issuer: Issuer, user: str) -> tuple[requests.Session, requests.Response]:
    """Return somebody's browser, and the page to which signing in led on the way to MLflow."""
    session = issuers.browser(issuer, gateway=door.port)
    first = session.get(f"http://{MLFLOW}/?page=1", headers=_HTML, timeout=20)
    assert first.url.startswith(issuer.url)
    return session, issuers.walk(session, first, user)


def test_whoever_signs_in_from_the_command_line_has_the_rights_of_their_groups(
    door: Door, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    endpoints = replace(
        platforms.endpoints(identity_account="identity/operator"),
        identity_issuer=issuer.url,
        identity_client=PUBLIC_CLIENT,
        identity_scopes="openid email profile",
        identity_authority=str(issuer.authority),
    )

    def type_the_code(line: str) -> None:
        if line.startswith("open"):
            session = issuers.browser(issuer)
            issuers.walk(session, session.get(line.split()[-1], timeout=20), "ann")

    logins.sign_in(endpoints, type_the_code)
    answer = door.ask("POST", PIPELINES, RUNS, token=tokens.token(endpoints))
    assert answer.status == 200, answer.body
    assert answer.seen["x-remote-user"] == ["oidc:ann@example.com"]
    assert answer.seen["x-remote-groups"] == ["oidc:engineers|oidc:staff|system:authenticated"]
    assert "authorization" not in answer.seen


def test_a_browser_signs_in_at_the_issuer_and_comes_back(door: Door, issuer: Issuer) -> None:
    session, page = _signed_in(door, issuer, "ann")
    assert (page.status_code, page.url) == (200, f"http://{MLFLOW}/?page=1")
    seen = dict(page.json()["headers"])
    assert seen["x-remote-user"] == "oidc:ann@example.com"
    assert seen["x-remote-groups"].split("|") == ["system:authenticated", "oidc:engineers", "oidc:staff"]
    assert "cookie" not in seen
    assert session.get(f"http://{PIPELINES}{RUNS}", timeout=20).status_code == 200


def test_whoever_signs_out_stays_out(door: Door, issuer: Issuer) -> None:
    """Although the issuer would let them in again without a question."""
    session, page = _signed_in(door, issuer, "ann")
    assert page.status_code == 200
    after = session.get(f"http://login.{DOMAIN}/oauth2/sign_out", headers=_HTML, timeout=20)
    assert "Sign in" in after.text
    assert session.get(f"http://{PIPELINES}{RUNS}", timeout=20).status_code == 401


def test_somebody_without_a_right_reads_who_they_are_and_what_they_lack(door: Door, issuer: Issuer) -> None:
    _, page = _signed_in(door, issuer, "bob")
    assert page.status_code == 403
    assert page.text.startswith(
        "oidc:bob@example.com may not get experiments.mlflow.kubeflow.org in namespace"
    )
    assert "RoleBinding" in page.text
    token = issuers.signed(issuer.key, issuer.claims(email="bob@example.com", groups=["staff"]))
    answer = door.ask("GET", PIPELINES, RUNS, token=token)
    assert (answer.status, answer.body.split()[0]) == (403, "oidc:bob@example.com")


def test_a_group_with_a_comma_is_one_group(door: Door, issuer: Issuer) -> None:
    """Whoever may name groups at the issuer could take any right with one name otherwise."""
    door.world.arrived.clear()
    _, page = _signed_in(door, issuer, "mallory")
    assert (page.status_code, page.text.split()[0]) == (403, "oidc:mallory@example.com")
    claims = issuer.claims(email="mallory@example.com", groups=["staff,engineers"])
    answer = door.ask("GET", PIPELINES, RUNS, token=issuers.signed(issuer.key, claims))
    assert (answer.status, answer.body.split()[0]) == (403, "oidc:mallory@example.com")
    assert door.world.arrived == []


def test_an_address_that_is_not_verified_names_nobody(door: Door, issuer: Issuer) -> None:
    """Whoever may write any address into their profile could take somebody else's name."""
    door.world.arrived.clear()
    _, page = _signed_in(door, issuer, "eve")
    assert page.status_code == 403
    token = issuers.signed(issuer.key, issuer.claims(email_verified=False))
    answer = door.ask("GET", PIPELINES, RUNS, token=token)
    assert (answer.status, answer.body.partition(": send")[0]) == (
        401,
        "the token is refused: email not verified",
    )
    assert door.world.arrived == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": -1}, "it has expired"),
        ({"aud": "another"}, "expected audience"),
        ({"nbf": 600}, "before the nbf (not before) time"),
        ({"email": None}, "email"),
    ],
)
def test_a_token_that_is_not_valid_here_says_why(
    door: Door, issuer: Issuer, changes: dict[str, Any], reason: str
) -> None:
    now = int(time.time())
    shifted = {key: value + now if isinstance(value, int) else value for key, value in changes.items()}
    given = {key: value for key, value in issuer.claims(**shifted).items() if value is not None}
    answer = door.ask("GET", PIPELINES, RUNS, token=issuers.signed(issuer.key, given))
    assert answer.status == 401
    assert answer.body.startswith("the token is refused: ")
    assert reason in answer.body
    assert answer.headers["www-authenticate"] == 'Bearer realm="plinth", error="invalid_token"'


def test_clocks_may_differ_by_less_than_a_minute(door: Door, issuer: Issuer) -> None:
    soon = issuer.claims(nbf=int(time.time()) + 30, iat=int(time.time()) + 30)
    assert door.ask("GET", PIPELINES, RUNS, token=issuers.signed(issuer.key, soon)).status == 200


def test_nobody_else_signs_for_the_issuer(door: Door, issuer: Issuer) -> None:
    claims = issuer.claims()
    assert door.ask("GET", PIPELINES, RUNS, token=issuers.signed(issuer.key, claims)).status == 200
    forged = {
        "failed to verify signature": issuers.signed(issuers.new_key(), claims),
        "unsupported algorithm": issuers.signed(None, claims),
    }
    for reason, token in forged.items():
        answer = door.ask("GET", PIPELINES, RUNS, token=token)
        assert answer.status == 401
        assert reason in answer.body
    # Another issuer's are for the Kubernetes API to know, and it does not.
    foreign = issuers.signed(issuer.key, {**claims, "iss": "https://elsewhere.example"})
    answer = door.ask("GET", PIPELINES, RUNS, token=foreign)
    assert (answer.status, answer.body.partition(":")[0]) == (401, "no valid token")


def test_a_group_cannot_be_taken_for_one_of_the_cluster(door: Door, issuer: Issuer) -> None:
    door.world.rights["system:masters"] = [{}]
    claims = issuer.claims(email="system:admin", groups=["system:masters"])
    answer = door.ask("GET", PIPELINES, RUNS, token=issuers.signed(issuer.key, claims))
    assert (answer.status, answer.body.split()[0]) == (403, "oidc:system:admin")


def test_whoever_is_known_goes_on_while_the_issuer_is_away(
    door: Door, issuer: Issuer, tmp_path: Path
) -> None:
    """Last: it stops the issuer."""
    session, page = _signed_in(door, issuer, "ann")
    assert page.status_code == 200
    operator = jwt("operator", expires=time.time() + 600)
    known = issuers.signed(issuer.key, issuer.claims(aud=[CLIENT, "another"]))
    issuer.stop()

    # Keys that the gate has seen, sessions, and tokens of the cluster.
    assert door.ask("GET", PIPELINES, RUNS, token=known).status == 200
    assert session.get(f"http://{PIPELINES}{RUNS}", timeout=20).status_code == 200
    door.world.tokens[operator] = (_OPERATOR, TOKEN_AUDIENCE)
    assert door.ask("GET", PIPELINES, RUNS, token=operator).status == 200

    away = "identities cannot be verified now, because the issuer does not answer: try again\n"
    renewed = issuers.signed(issuers.new_key(), issuer.claims(), key_id="key-of-tomorrow")
    answer = door.ask("GET", PIPELINES, RUNS, token=renewed)
    assert (answer.status, answer.body) == (503, away)

    with front_door(tmp_path, company=issuer) as fresh:
        _give_rights(fresh)
        answer = fresh.ask("GET", PIPELINES, RUNS, token=known)
        assert (answer.status, answer.body) == (503, away)
        fresh.world.tokens[operator] = (_OPERATOR, TOKEN_AUDIENCE)
        assert fresh.ask("GET", PIPELINES, RUNS, token=operator).status == 200
