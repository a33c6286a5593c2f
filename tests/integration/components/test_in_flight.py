"""What one user has in flight at the gateway is bounded, and nobody else's requests are refused for it."""

import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from components.access.roles import MANY
from tests.fixtures.front_door import (
    IN_FLIGHT,
    MLFLOW,
    WINE,
    Answer,
    Door,
    front_door,
    jwt,
    open_door,
)
from workloads.contract import TOKEN_AUDIENCE
from workloads.wait import wait_for

_MEMBER, _VIEWER, _STRANGER = "member", "viewer", "stranger"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Generator[Door]:
    with front_door(tmp_path_factory.mktemp("front-door")) as door:
        yield door


@pytest.fixture
def tokens(door: Door) -> dict[str, str]:
    """A token for each kind of user."""
    world, soon = door.world, time.time() + 3600
    world.rights = {
        _MEMBER: [{"namespace": each} for each in ("mlflow", "models")],
        _VIEWER: [{"verb": "get"}],
    }
    found = {each: jwt(each, expires=soon) for each in (_MEMBER, _VIEWER, _STRANGER)}
    world.tokens = {text: (name, TOKEN_AUDIENCE) for name, text in found.items()}
    world.arrived.clear()
    return found


def _held(
    door: Door, pool: ThreadPoolExecutor, number: int, host: str, token: str = ""
) -> list[Future[Answer]]:
    """Send requests that are answered later, and wait until each has arrived or is refused."""
    door.world.held.clear()
    sent = [pool.submit(door.ask, "GET", host, "/v2/models/wine/held", token=token) for _ in range(number)]

    def settled() -> str | None:
        found = len(door.world.arrived) + sum(each.done() for each in sent)
        return None if found >= number else f"{found} of {number}"

    wait_for("the requests", settled, timeout_seconds=10)
    return sent


def _statuses(door: Door, sent: list[Future[Answer]]) -> list[int]:
    door.world.held.set()
    return sorted(each.result(20).status for each in sent)


def test_a_flood_of_one_user_is_refused_and_nobody_elses_request_is(
    door: Door, tokens: dict[str, str]
) -> None:
    with ThreadPoolExecutor(64) as pool:
        sent = _held(door, pool, IN_FLIGHT + 8, MLFLOW, tokens[_MEMBER])
        # However the host is written, and whatever the client calls itself.
        for host in (MLFLOW.upper(), f"{MLFLOW}:1", f"{MLFLOW}."):
            named = ("X-Plinth-Share", host)
            assert door.ask("GET", host, "/", named, token=tokens[_MEMBER]).status == 429
        assert door.ask("GET", MLFLOW, "/", token=tokens[_VIEWER]).status == 200
        assert door.ask("GET", MLFLOW, "/", token=tokens[_STRANGER]).status == 403
        assert _statuses(door, sent) == [200] * IN_FLIGHT + [429] * 8
    assert door.ask("GET", MLFLOW, "/", token=tokens[_MEMBER]).status == 200


def test_models_take_several_times_as_much(door: Door, tokens: dict[str, str]) -> None:
    with ThreadPoolExecutor(64) as pool:
        sent = _held(door, pool, 2 * IN_FLIGHT, WINE, tokens[_MEMBER])
        assert _statuses(door, sent) == [200] * (2 * IN_FLIGHT)


def test_without_a_login_all_share_a_bound_however_the_host_is_written(tmp_path: Path) -> None:
    bound = MANY * IN_FLIGHT
    with open_door(tmp_path) as door, ThreadPoolExecutor(bound + 8) as pool:
        door.world.arrived.clear()
        sent = _held(door, pool, bound + 8, MLFLOW)
        forged = [
            ("X-Forwarded-Server", "mine"),
            ("Connection", "X-Forwarded-Server"),
            ("X-Plinth-Share", "1"),
        ]
        for host in (MLFLOW, MLFLOW.upper(), f"{MLFLOW}:1", f"{MLFLOW}."):
            assert door.ask("GET", host, "/", *forged).status == 429
        assert _statuses(door, sent) == [200] * bound + [429] * 8
