"""What issuers answer that are not as they should be; a real one is in the integration tests."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from workloads import wait
from workloads.errors import WorkloadsError
from workloads.issuers import Code, Issuer, IssuerAwayError, Tokens

URL = "https://login.example.com"
METADATA = {
    "issuer": URL,
    "device_authorization_endpoint": f"{URL}/device",
    "token_endpoint": f"{URL}/token",
    "revocation_endpoint": f"{URL}/revoke",
}
DEVICE = {"device_code": "d", "user_code": "ABCD", "verification_uri": f"{URL}/go", "expires_in": 600}
CODE = Code(url=f"{URL}/go", text="ABCD", seconds=600, device_code="d", interval_seconds=5)
TOKENS = {"access_token": "a", "token_type": "Bearer", "id_token": "i", "refresh_token": "r"}

Play = Callable[..., list[dict[str, Any]]]


def _answer(content: Any, status: int = 200) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return made


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play an issuer that gives these answers in turn; return the requests that it gets."""

    def start(*answers: Any, metadata: Any = METADATA) -> list[dict[str, Any]]:
        turn, seen = iter(answers), list[dict[str, Any]]()

        def post(url: str, **options: Any) -> requests.Response:
            seen.append({"url": url, **options})
            answer = next(turn)
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, requests.Response) else _answer(answer)

        def get(url: str, **_: Any) -> requests.Response:
            assert url == f"{URL}/.well-known/openid-configuration"
            if isinstance(metadata, Exception):
                raise metadata
            return metadata if isinstance(metadata, requests.Response) else _answer(metadata)

        monkeypatch.setattr(requests, "post", post)
        monkeypatch.setattr(requests, "get", get)
        return seen

    return start


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds between questions, which pass at once."""
    found, clock = list[float](), [0.0]

    def sleep(seconds: float) -> None:
        found.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(wait.time, "sleep", sleep)
    monkeypatch.setattr(wait.time, "monotonic", lambda: clock[0])
    return found


def issuer() -> Issuer:
    return Issuer(url=URL, client_id="cli", scopes="openid email")


def test_a_code_is_asked_for_with_the_scopes_of_the_platform(play: Play) -> None:
    seen = play(DEVICE)
    assert issuer().request_code() == CODE
    assert seen[0]["data"] == "client_id=cli&scope=openid+email"
    assert seen[0]["allow_redirects"] is False
    seen = play({**DEVICE, "verification_uri_complete": f"{URL}/go?c=ABCD", "interval": 2, "expires_in": 1e9})
    found = issuer().request_code()
    assert (found.url, found.interval_seconds, found.seconds) == (f"{URL}/go?c=ABCD", 2, 1800)


def test_a_login_that_lasts_is_asked_for_where_the_issuer_has_a_scope_for_it(play: Play) -> None:
    seen = play(DEVICE, metadata={**METADATA, "scopes_supported": ["openid", "offline_access"]})
    issuer().request_code()
    assert seen[0]["data"] == "client_id=cli&scope=openid+email+offline_access"
    seen = play(DEVICE, metadata={**METADATA, "scopes_supported": ["openid", "offline_access"]})
    issuer().request_code(offline=False)
    assert seen[0]["data"] == "client_id=cli&scope=openid+email"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (requests.ConnectionError(), r"does not answer \(ConnectionError\)$"),
        (requests.exceptions.SSLError(), r"does not answer \(SSLError\); .*plinth:identity.authority"),
        (_answer({}, 503), r"does not answer \(HTTP 503\)"),
        (_answer(b"<html>", 404), "answers HTTP 404, and no name; plinth:identity.issuer must be"),
        ({**METADATA, "issuer": f"{URL}/"}, f"answers {URL}/; plinth:identity.issuer must be"),
        ({"issuer": URL}, r"no login for command lines .* `python -m workloads token`"),
        (
            {**METADATA, "device_authorization_endpoint": "http://login.example.com/device"},
            "tokens are sent by https alone",
        ),
    ],
)
def test_an_issuer_that_cannot_be_used_is_one_line(play: Play, metadata: Any, reason: str) -> None:
    play(metadata=metadata)
    with pytest.raises(WorkloadsError, match=reason) as refused:
        issuer().request_code()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            _answer({"error": "unauthorized_client", "error_description": "no"}, 400),
            "unauthorized_client: no",
        ),
        (_answer(b"nothing", 404), "HTTP 404"),
        (_answer({}, 302), "HTTP 302"),
    ],
)
def test_a_client_that_may_not_is_named(play: Play, answer: requests.Response, reason: str) -> None:
    play(answer)
    with pytest.raises(WorkloadsError, match=rf"refuses client cli \({reason}\); it must be a public client"):
        issuer().request_code()


def test_it_waits_as_long_as_the_issuer_asks_for(play: Play, pauses: list[float]) -> None:
    pending, slower = {"error": "authorization_pending"}, {"error": "slow_down"}
    seen = play(_answer(pending, 400), _answer(slower, 400), requests.Timeout(), _answer({}, 502), TOKENS)
    found = issuer().wait_for_tokens(CODE)
    assert (found.id_token, found.refresh_token) == ("i", "r")
    assert pauses == [5, 10, 10, 10]
    assert "device_code=d" in seen[0]["data"]
    assert "client_id=cli" in seen[0]["data"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([{"error": "access_denied"}], "the login was denied in the browser"),
        ([{"error": "expired_token"}], "the code expired before anybody typed it"),
        ([{"error": "invalid_grant"}], "the issuer answers invalid_grant"),
        (
            [{"error": "not_allowed", "error_description": "Offline tokens not allowed"}],
            r"answers not_allowed \(Offline tokens not allowed\); .* sign in with --session",
        ),
        (
            [{"error": "authorization_pending"}] * 200,
            "not within 600 s; last seen: nobody has typed the code",
        ),
        ([requests.Timeout()] * 200, "not within 600 s; last seen: the issuer does not answer"),
        ([{"access_token": "a"}], "gives no ID token; allow the scope openid for client cli"),
    ],
)
def test_a_login_that_does_not_come_ends(
    play: Play, pauses: list[float], answers: list[Any], reason: str
) -> None:
    play(*answers)
    with pytest.raises(WorkloadsError, match=reason):
        issuer().wait_for_tokens(CODE)
    assert sum(pauses) <= 605


def test_a_token_is_renewed_also_where_the_next_is_got_by_the_same_one(play: Play) -> None:
    seen = play({**TOKENS, "id_token": "j", "refresh_token": None}, TOKENS)
    found = issuer().refresh("old")
    assert (found.id_token, found.refresh_token) == ("j", "old")
    assert "grant_type=refresh_token" in seen[0]["data"]
    assert "refresh_token=old" in seen[0]["data"]
    assert issuer().refresh("old").refresh_token == "r"


def test_an_error_that_shows_them_has_no_secret() -> None:
    shown = repr((CODE, Tokens(id_token="of-ann", refresh_token="of-ann")))
    assert "of-ann" not in shown
    assert "device_code" not in shown


def test_a_login_that_is_over_is_not_one_of_an_issuer_that_is_away(play: Play) -> None:
    play(_answer({"error": "invalid_grant"}, 400), requests.ConnectionError())
    with pytest.raises(WorkloadsError, match=r"has ended \(invalid_grant\)") as ended:
        issuer().refresh("old")
    assert not isinstance(ended.value, IssuerAwayError)
    with pytest.raises(IssuerAwayError):
        issuer().refresh("old")


def test_only_an_issuer_that_says_so_has_ended_a_login(play: Play) -> None:
    seen = play(_answer(b""))
    assert issuer().revoke("r")
    assert seen[0]["data"] == "token=r&token_type_hint=refresh_token&client_id=cli"
    play(requests.ConnectionError())
    assert not issuer().revoke("r")
    play(metadata={"issuer": URL})
    assert not issuer().revoke("r")
