"""Logins in files: what is kept, when it is renewed, and what is not one."""

import base64
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import platforms
from workloads import logins
from workloads.errors import WorkloadsError
from workloads.issuers import Code, Issuer, IssuerAwayError, Tokens

ENDPOINTS = replace(
    platforms.endpoints(identity_account="identity/operator"),
    identity_issuer="https://login.example.com",
    identity_client="cli",
    identity_scopes="openid",
)
CODE = Code(url="https://x/go", text="ABCD", seconds=600, device_code="d", interval_seconds=5)


def id_token(seconds: float = 3600, *, skew: float = 0, **claims: str) -> str:
    """Return a token of this duration by the issuer's own clock."""
    now = time.time() + skew
    said = json.dumps({"iat": now, "exp": now + seconds, **claims}).encode()
    return f"e30.{base64.urlsafe_b64encode(said).decode().rstrip('=')}.c2ln"


@pytest.fixture
def issued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Tokens | Exception]:
    """What the issuer gives next; every login is allowed at once."""
    given: list[Tokens | Exception] = []

    def take(*_: Any) -> Tokens:
        found = given.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Issuer, "request_code", lambda *_, **__: CODE)
    monkeypatch.setattr(Issuer, "wait_for_tokens", take)
    monkeypatch.setattr(Issuer, "refresh", take)
    return given


def given(token: str, refresh: str = "r") -> Tokens:
    return Tokens(id_token=token, refresh_token=refresh)


def test_somebody_reads_where_to_go_and_what_to_type(issued: list[Any]) -> None:
    issued.append(given(id_token(email="ann@x"), "a-refresh-token"))
    said: list[str] = []
    assert logins.sign_in(ENDPOINTS, said.append) == "ann@x"
    assert said == ["open       https://x/go", "and enter  ABCD   (valid for 10 minutes)"]


@pytest.mark.parametrize(
    ("claims", "name"), [({"preferred_username": "ann", "sub": "7"}, "ann"), ({"sub": "7"}, "7")]
)
def test_whoever_has_no_address_has_another_name(
    issued: list[Any], claims: dict[str, str], name: str
) -> None:
    issued.append(given(id_token(3600, skew=0, **claims)))
    assert logins.sign_in(ENDPOINTS, print) == name


def test_each_issuer_and_client_has_a_login_of_its_own(issued: list[Any]) -> None:
    issued.append(given(first := id_token()))
    logins.sign_in(ENDPOINTS, print)
    assert logins.token(replace(ENDPOINTS, gateway_domain="another.stack")) == first
    assert logins.token(replace(ENDPOINTS, identity_client="other")) == ""
    assert logins.token(replace(ENDPOINTS, identity_issuer="https://other.example.com")) == ""


@pytest.mark.parametrize(
    ("seconds", "passed", "renewed"),
    [(3600, 3299, False), (3600, 3301, True), (60, 29, False), (60, 31, True)],
)
@pytest.mark.parametrize("skew", [0, 7200, -7200])
def test_a_token_is_renewed_minutes_before_its_end_whatever_the_issuers_clock_says(
    issued: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    passed: float,
    renewed: bool,
    skew: float,
) -> None:
    began = time.time()
    issued += [given(first := id_token(seconds, skew=skew)), given(second := id_token(sub="next"))]
    logins.sign_in(ENDPOINTS, print)
    monkeypatch.setattr(logins.time, "time", lambda: began + passed)
    assert logins.token(ENDPOINTS) == (second if renewed else first)


def test_a_token_is_used_to_its_end_if_the_issuer_is_away(
    issued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time()
    issued += [given(first := id_token()), IssuerAwayError("away"), IssuerAwayError("away")]
    logins.sign_in(ENDPOINTS, print)
    monkeypatch.setattr(logins.time, "time", lambda: began + 3500)
    assert logins.token(ENDPOINTS) == first
    monkeypatch.setattr(logins.time, "time", lambda: began + 3700)
    with pytest.raises(IssuerAwayError):
        logins.token(ENDPOINTS)


def test_a_login_without_a_refresh_token_ends_with_its_token(
    issued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time()
    issued.append(given(first := id_token(), ""))
    logins.sign_in(ENDPOINTS, print)
    monkeypatch.setattr(logins.time, "time", lambda: began + 3500)
    assert logins.token(ENDPOINTS) == first
    monkeypatch.setattr(logins.time, "time", lambda: began + 3700)
    with pytest.raises(WorkloadsError, match="has ended: run `python -m workloads login` again"):
        logins.token(ENDPOINTS)


def test_a_token_that_is_none_is_not_kept(issued: list[Any], tmp_path: Path) -> None:
    issued.append(given("opaque"))
    with pytest.raises(WorkloadsError, match="no JWT"):
        logins.sign_in(ENDPOINTS, print)
    assert not list(tmp_path.rglob("*.json"))


def test_a_damaged_file_is_named_and_replaced(issued: list[Any], tmp_path: Path) -> None:
    issued += [given(id_token()), given(second := id_token(sub="next"))]
    logins.sign_in(ENDPOINTS, print)
    (file,) = tmp_path.rglob("*.json")
    file.write_text("{")
    with pytest.raises(WorkloadsError, match=rf"login {file}: cannot be read"):
        logins.token(ENDPOINTS)
    logins.sign_in(ENDPOINTS, print)
    assert logins.token(ENDPOINTS) == second


def test_a_folder_that_cannot_be_written_is_named(
    issued: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued.append(given(id_token()))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(WorkloadsError, match=r"cannot be written .* XDG_CONFIG_HOME"):
        logins.sign_in(ENDPOINTS, print)
