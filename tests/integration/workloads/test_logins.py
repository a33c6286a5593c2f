"""People sign in from the command line at a real issuer, and stay so until they or the issuer end it."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.fixtures import certificates, issuers, platforms
from tests.fixtures.issuers import PUBLIC_CLIENT, Issuer
from workloads import logins, tokens
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.wait import wait_for


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[Issuer]:
    """An issuer whose tokens are renewed after two seconds."""
    with issuers.issuer(tmp_path_factory.mktemp("issuer"), seconds=4) as running:
        yield running


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, issuer: Issuer) -> Path:
    """A user's configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def endpoints(issuer: Issuer, **changes: str) -> Endpoints:
    plain = replace(
        platforms.endpoints(identity_account="identity/operator"),
        identity_issuer=issuer.url,
        identity_client=PUBLIC_CLIENT,
        identity_scopes="openid email profile",
        identity_authority=str(issuer.authority),
    )
    return replace(plain, **changes)


def sign_in(issuer: Issuer, *, user: str = "ann", deny: bool = False) -> str:
    """Sign in as somebody whose browser is elsewhere."""

    def say(line: str) -> None:
        if line.startswith("open"):
            session = issuers.browser(issuer)
            page = issuers.walk(session, session.get(line.split()[-1], timeout=20), user, deny=deny)
            assert page.ok

    return logins.sign_in(endpoints(issuer), say)


def kept(home: Path) -> list[Path]:
    return sorted(home.glob("plinth/logins/*.json"))


def test_a_login_is_kept_where_nobody_else_reads_it(issuer: Issuer, home: Path) -> None:
    assert sign_in(issuer) == "ann@example.com"
    (file,) = kept(home)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    claims = logins.claims(tokens.token(endpoints(issuer)))
    assert claims["aud"] == PUBLIC_CLIENT
    assert claims["groups"] == ["engineers", "staff"]


def test_it_is_renewed_before_its_token_ends_by_one_command_at_a_time(issuer: Issuer) -> None:
    sign_in(issuer)
    here = endpoints(issuer)
    for _ in range(2):
        first = tokens.token(here)

        def renewed(known: str = first) -> str | None:
            # The issuer ends a login whose refresh token comes twice.
            with ThreadPoolExecutor(4) as pool:
                found = set(pool.map(lambda _: tokens.token(here), range(4)))
            return None if known not in found else "the token is still the first"

        wait_for("the next token", renewed, timeout_seconds=20, interval_seconds=0.5)


def test_whoever_signs_out_has_no_login_here_or_at_the_issuer(issuer: Issuer, home: Path) -> None:
    sign_in(issuer)
    (file,) = kept(home)
    copy = file.read_text()
    assert logins.sign_out(endpoints(issuer))
    assert kept(home) == []
    file.write_text(json.dumps({**json.loads(copy), "renew_at": 0}))
    with pytest.raises(
        WorkloadsError, match=r"has ended \(invalid_grant\): run `python -m workloads login` again"
    ):
        tokens.token(endpoints(issuer))
    file.unlink()
    with pytest.raises(WorkloadsError, match="nobody has signed in"):
        logins.sign_out(endpoints(issuer))


def test_a_denied_login_leaves_nothing(issuer: Issuer, home: Path) -> None:
    with pytest.raises(WorkloadsError, match="the login was denied in the browser"):
        sign_in(issuer, deny=True)
    assert kept(home) == []


def test_a_client_that_the_issuer_does_not_know_is_named(issuer: Issuer) -> None:
    with pytest.raises(WorkloadsError, match=r"refuses client nobody .*plinth:identity.publicClientId"):
        logins.sign_in(endpoints(issuer, identity_client="nobody"), print)


def test_a_confidential_client_is_none_for_a_command_line(issuer: Issuer) -> None:
    with pytest.raises(WorkloadsError, match=r"refuses client plinth .*it must be a public client"):
        logins.sign_in(endpoints(issuer, identity_client="plinth"), print)


def test_an_authority_that_is_not_trusted_is_named(issuer: Issuer) -> None:
    with pytest.raises(WorkloadsError, match=r"does not answer \(SSLError\); .* plinth:identity.authority"):
        logins.sign_in(endpoints(issuer, identity_authority=""), print)


def test_the_issuers_authority_alone_is_trusted(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.authority))
    other = certificates.make(tmp_path, "other.example")
    with pytest.raises(WorkloadsError, match=r"does not answer \(SSLError\)"):
        logins.sign_in(endpoints(issuer, identity_authority=str(other.authority)), print)
    with pytest.raises(WorkloadsError, match=r"^authority of the issuer: /gone.pem does not exist"):
        logins.sign_in(endpoints(issuer, identity_authority="/gone.pem"), print)


def test_the_commands_sign_in_print_a_token_and_sign_out(issuer: Issuer, home: Path) -> None:
    file = home / "endpoints.json"
    file.write_text(json.dumps(asdict(endpoints(issuer))))

    def command(name: str) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-m", "workloads", name, "--endpoints", str(file)]
        return subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
        )

    with command("login") as login:
        assert login.stdout
        session = issuers.browser(issuer)
        page = session.get(login.stdout.readline().split()[-1], timeout=20)
        assert issuers.walk(session, page, "ann").ok
        shown, errors = login.communicate(timeout=60)
    assert (login.returncode, errors) == (0, "")
    assert "signed in as ann@example.com" in shown
    (stored,) = kept(home)
    secrets = {value for value in json.loads(stored.read_text()).values() if isinstance(value, str)}
    assert not [each for each in secrets - {issuer.url, PUBLIC_CLIENT} if each in shown]
    with command("token") as token:
        shown, errors = token.communicate(timeout=60)
    assert (token.returncode, errors) == (0, "")
    assert logins.claims(shown.strip())["email"] == "ann@example.com"
    with command("logout") as logout:
        shown, errors = logout.communicate(timeout=60)
    assert (logout.returncode, shown, errors) == (0, "signed out\n", "")


def test_a_code_that_nobody_types_expires(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        issuers.issuer(tmp_path_factory.mktemp("hasty"), code_seconds=1) as hasty,
        pytest.raises(WorkloadsError, match="the code expired before anybody typed it"),
    ):
        logins.sign_in(endpoints(hasty), print)
    assert kept(home) == []


def test_a_token_outlives_its_issuer_until_it_ends(issuer: Issuer, home: Path) -> None:
    """Last: it stops the issuer."""
    sign_in(issuer)
    (file,) = kept(home)
    login = json.loads(file.read_text())
    issuer.stop()
    file.write_text(json.dumps({**login, "renew_at": 0, "ends_at": login["ends_at"] + 600}))
    assert tokens.token(endpoints(issuer)) == login["id_token"]
    file.write_text(json.dumps({**login, "renew_at": 0, "ends_at": 0}))
    with pytest.raises(WorkloadsError, match=r"issuer https://localhost:\d+: does not answer"):
        tokens.token(endpoints(issuer))
    with pytest.raises(WorkloadsError, match="does not answer"):
        sign_in(issuer)
    assert not logins.sign_out(endpoints(issuer))
    assert kept(home) == []
