"""The login without an issuer: its page has a form, and whoever knows the password gets a session."""

import re
from collections.abc import Generator
from http.cookies import SimpleCookie

import pytest
import requests

from components.access.login import ADMINISTRATORS
from tests.fixtures.front_door import DOMAIN, MLFLOW, PASSWORD, Door, front_door
from workloads.contract import LOGIN_USER

_LOGIN = f"login.{DOMAIN}"
_SEARCH = "/api/2.0/mlflow/experiments/search"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Generator[Door]:
    with front_door(tmp_path_factory.mktemp("local-login"), one_user=True) as found:
        found.world.rights = {f"local:{ADMINISTRATORS}": [{"namespace": "mlflow"}]}
        yield found


def _send(door: Door, user: str, password: str) -> requests.Response:
    """Send the form as a browser does."""
    page = door.ask("GET", _LOGIN, f"/oauth2/sign_in?rd=http%3A%2F%2F{MLFLOW}%2F")
    assert page.status == 200
    (action,) = re.findall(r'<form method="POST" action="([^"]*)"', page.body)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.body))
    return requests.post(
        f"http://127.0.0.1:{door.port}{action}",
        headers={"Host": _LOGIN},
        data={**hidden, "username": user, "password": password},
        allow_redirects=False,
        timeout=20,
    )


def test_the_page_asks_for_a_user_and_a_password_and_is_whole(door: Door) -> None:
    page = door.ask("GET", _LOGIN, "/oauth2/sign_in")
    assert page.status == 200
    assert 'name="username"' in page.body
    assert 'type="password"' in page.body
    assert page.body.rstrip().endswith("</html>")
    assert page.body.count("<html") == 1
    assert "is wrong" not in page.body


@pytest.mark.parametrize(("user", "password"), [(LOGIN_USER, "another"), ("root", PASSWORD)])
def test_a_wrong_password_is_said_to_be_wrong_and_opens_nothing(door: Door, user: str, password: str) -> None:
    answer = _send(door, user, password)
    assert answer.status_code in {400, 401}
    assert "User or password is wrong." in answer.text
    assert 'type="password"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_the_right_one_is_a_session_for_every_host(door: Door) -> None:
    answer = _send(door, LOGIN_USER, PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{MLFLOW}/")
    (cookie,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert cookie["domain"] == DOMAIN
    assert cookie["httponly"]
    given = ("Cookie", f"{cookie.key}={cookie.coded_value}")
    inside = door.ask("GET", MLFLOW, _SEARCH, given)
    assert inside.status == 200, inside.body
    assert inside.seen["x-remote-user"] == [f"local:{LOGIN_USER}"]
    assert "cookie" not in inside.seen
    assert door.ask("GET", MLFLOW, _SEARCH).status == 401
