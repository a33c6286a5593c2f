"""The front door: nobody gets in without an identity, and RBAC alone decides what somebody may do."""

import json
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from components.access import gate, traefik_configuration
from components.access.gate import AUDIENCE_OF_PODS, HEADERS
from tests.fixtures.front_door import (
    DOMAIN,
    MLFLOW,
    NOBODYS,
    OBJECTS,
    OTHER,
    PIPELINES,
    RUNS,
    WINE,
    Door,
    front_door,
    jwt,
    refused,
)
from workloads.contract import TOKEN_AUDIENCE
from workloads.wait import wait_for

_PREDICT = "/v1/models/wine:predict"
_HTML = {"Accept": "text/html,application/xhtml+xml"}
_MEMBER, _VIEWER, _CALLER, _STRANGER = "member", "viewer", "caller", "stranger"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front-door")


@pytest.fixture(scope="module")
def door(folder: Path) -> Generator[Door]:
    with front_door(folder) as door:
        yield door


@pytest.fixture
def tokens(door: Door) -> dict[str, str]:
    """A token for each kind of user."""
    world, soon = door.world, time.time() + 3600
    world.rights = {
        _MEMBER: [{"namespace": each} for each in ("kubeflow", "mlflow", "models", "monitoring")],
        _VIEWER: [{"verb": "get"}],
        _CALLER: [{"namespace": "models", "subresource": "predictions", "name": "wine"}],
    }
    found = {each: jwt(each, expires=soon) for each in (_MEMBER, _VIEWER, _CALLER, _STRANGER)}
    world.tokens |= {token: (user, TOKEN_AUDIENCE) for user, token in found.items()}
    world.sessions |= {"plinth=of-a-member": "ann"}
    world.rights["local:ann"] = world.rights[_MEMBER]
    world.arrived.clear()
    return found


@pytest.mark.parametrize(
    ("method", "host", "path"),
    [
        ("GET", PIPELINES, RUNS),
        ("POST", WINE, _PREDICT),
        ("POST", MLFLOW, "/api/2.0/mlflow/registered-models/create"),
        ("GET", "localhost", RUNS),
        ("GET", "localhost", "/api/2.0/mlflow/experiments/search"),
        ("GET", f"prometheus.{DOMAIN}", "/api/v1/query"),
    ],
)
@pytest.mark.usefixtures("tokens")
def test_nobody_gets_in(door: Door, method: str, host: str, path: str) -> None:
    refused = door.ask(method, host, path)
    assert refused.status in {401, 404}
    assert refused.status == (404 if host.startswith("prometheus") else 401)
    assert door.world.arrived == []


@pytest.mark.usefixtures("tokens")
def test_a_browser_is_sent_to_the_login_and_comes_back(door: Door) -> None:
    answer = door.ask("GET", f"{MLFLOW}:8080", "/?x=1", *_HTML.items())
    assert answer.status == 302
    assert answer.headers["location"] == (
        f"http://login.{DOMAIN}:8080/oauth2/sign_in?rd=http%3A%2F%2F{MLFLOW}%3A8080%2F%3Fx%3D1"
    )
    assert door.ask("GET", f"login.{DOMAIN}", "/oauth2/sign_in").status == 200


@pytest.mark.parametrize(
    ("user", "method", "host", "path", "status"),
    [
        (_MEMBER, "GET", PIPELINES, RUNS, 200),
        (_MEMBER, "POST", PIPELINES, RUNS, 200),
        (_MEMBER, "POST", "localhost", RUNS, 200),
        (_MEMBER, "POST", WINE, _PREDICT, 200),
        (_STRANGER, "GET", PIPELINES, RUNS, 403),
        (_STRANGER, "POST", PIPELINES, RUNS, 403),
        (_STRANGER, "POST", WINE, _PREDICT, 403),
        (_VIEWER, "GET", PIPELINES, RUNS, 200),
        (_VIEWER, "POST", PIPELINES, RUNS, 403),
        (_VIEWER, "POST", MLFLOW, "/api/2.0/mlflow/runs/search", 200),
        (_VIEWER, "POST", MLFLOW, "/api/2.0/mlflow/runs/create", 403),
        (_VIEWER, "POST", MLFLOW, "/api/2.0/mlflow/experiments/delete", 403),
        (_MEMBER, "POST", MLFLOW, "/api/2.0/mlflow/experiments/delete", 200),
        (_VIEWER, "POST", MLFLOW, "/api/2.0/mlflow/registered-models/alias", 403),
        (_MEMBER, "POST", MLFLOW, "/api/2.0/mlflow/registered-models/alias", 200),
        (_VIEWER, "DELETE", MLFLOW, "/api/2.0/mlflow/registered-models/alias", 403),
        (_VIEWER, "POST", MLFLOW, "/graphql", 200),
        (_VIEWER, "PUT", MLFLOW, "/api/2.0/mlflow-artifacts/artifacts/1/m", 403),
        (_CALLER, "POST", WINE, _PREDICT, 200),
        (_CALLER, "GET", PIPELINES, RUNS, 403),
    ],
)
def test_rbac_alone_decides(
    door: Door, tokens: dict[str, str], user: str, method: str, host: str, path: str, status: int
) -> None:
    answer = door.ask(method, host, path, token=tokens[user])
    assert answer.status == status, answer.body
    assert len(door.world.arrived) == (1 if status == 200 else 0)
    if status == 403:
        assert user in answer.body
        assert "RoleBinding" in answer.body


def test_a_caller_of_one_model_calls_no_other(door: Door, tokens: dict[str, str]) -> None:
    path = "/v1/models/other:predict"
    assert door.ask("POST", OTHER, path, token=tokens[_CALLER]).status == 403
    assert door.world.arrived == []
    assert door.ask("POST", OTHER, path, token=tokens[_MEMBER]).status == 200


def test_a_host_that_only_the_router_knows_reaches_nobody(door: Door, tokens: dict[str, str]) -> None:
    refused = door.ask("GET", NOBODYS, RUNS, token=tokens[_MEMBER])
    assert (refused.status, refused.body.strip()) == (404, "nothing is published under this host and path")
    assert door.world.arrived == []


def test_identity_headers_of_clients_reach_nobody(door: Door, tokens: dict[str, str]) -> None:
    given = [(name, "admin") for name in ("X-Remote-User", "x-remote-groups")]
    answer = door.ask("GET", PIPELINES, RUNS, *given, token=tokens[_MEMBER])
    assert answer.status == 200
    assert answer.seen["x-remote-user"] == [_MEMBER]
    assert answer.seen["x-remote-groups"] == ["system:authenticated"]
    assert "authorization" not in answer.seen


def test_no_name_of_a_group_is_read_as_two(door: Door, tokens: dict[str, str]) -> None:
    member = jwt("of-groups", expires=time.time() + 99)
    door.world.tokens[member] = ("of-groups", TOKEN_AUDIENCE)
    door.world.groups["of-groups"] = ["oidc:a|oidc:administrators", "oidc:b"]
    door.world.rights["of-groups"] = [{}]
    answer = door.ask("GET", PIPELINES, RUNS, token=member)
    assert answer.seen["x-remote-groups"] == ["system:authenticated|oidc:b"]
    assert tokens


@pytest.mark.parametrize("group", ["staff,administrators", "administrators,", " administrators"])
@pytest.mark.usefixtures("tokens")
def test_no_group_of_a_session_is_read_as_two(door: Door, group: str) -> None:
    door.world.rights["local:administrators"] = [{}]
    cookie = f"plinth={group.strip().replace(',', '-')}"
    for user, groups, status in (("mallory", [group], 403), ("root", [group, "administrators"], 200)):
        door.world.sessions[f"{cookie}-{user}"] = user
        door.world.groups[user] = groups
        answer = door.ask("GET", PIPELINES, RUNS, ("Cookie", f"{cookie}-{user}"))
        assert answer.status == status, answer.body
    assert answer.seen["x-remote-groups"] == [f"system:authenticated|local:{group}|local:administrators"]


@pytest.mark.parametrize("name", ["X-Remote-User", "Kubeflow-Userid", "X-Plinth-Team", "X-Mlflow-Workspace"])
def test_a_name_in_a_header_is_no_right(door: Door, tokens: dict[str, str], name: str) -> None:
    assert door.ask("POST", PIPELINES, RUNS, (name, _MEMBER), token=tokens[_STRANGER]).status == 403
    assert door.ask("POST", PIPELINES, RUNS, (name, _MEMBER)).status == 401
    assert door.world.arrived == []


def test_forwarding_headers_of_clients_are_ignored(door: Door, tokens: dict[str, str]) -> None:
    forged = [
        ("X-Forwarded-Uri", "/health"),
        ("X-Forwarded-Host", WINE),
        ("X-Forwarded-Method", "GET"),
        ("X-Original-URL", "/health"),
    ]
    assert door.ask("POST", PIPELINES, RUNS, *forged, token=tokens[_VIEWER]).status == 403


@pytest.mark.parametrize("name", ["X_Remote_User", "x_mlflow_workspace"])
def test_names_that_servers_fold_are_refused(door: Door, tokens: dict[str, str], name: str) -> None:
    answer = door.ask("GET", PIPELINES, RUNS, (name, "admin"), token=tokens[_MEMBER])
    assert answer.status == 400
    assert "underscore" in answer.body
    assert door.world.arrived == []


def test_two_identities_are_none(door: Door, tokens: dict[str, str]) -> None:
    both = ("Authorization", f"Bearer {tokens[_STRANGER]}")
    assert door.ask("GET", PIPELINES, RUNS, both, token=tokens[_MEMBER]).status == 400
    cookie = ("Cookie", "plinth=of-a-member")
    assert door.ask("GET", PIPELINES, RUNS, cookie, token=tokens[_STRANGER]).status == 400


def test_tokens_that_are_not_for_this_platform_are_nobodys(door: Door, tokens: dict[str, str]) -> None:
    expired, foreign = jwt("late", expires=time.time() - 5), jwt("foreign", expires=time.time() + 99)
    door.world.tokens |= {expired: (_MEMBER, TOKEN_AUDIENCE), foreign: (_MEMBER, "another")}
    unsigned = ".".join([*tokens[_MEMBER].split(".")[:2], ""])
    for token in (expired, foreign, unsigned, "nonsense"):
        assert door.ask("GET", PIPELINES, RUNS, token=token).status == 401, token
    basic = ("Authorization", "Basic YWRtaW46YWRtaW4=")
    assert door.ask("GET", PIPELINES, RUNS, basic).status == 401


def test_a_token_of_a_pod_is_worth_as_much(door: Door, tokens: dict[str, str]) -> None:
    del tokens
    pod = jwt("pod", expires=time.time() + 99)
    door.world.tokens[pod] = (_MEMBER, AUDIENCE_OF_PODS[0])
    assert door.ask("GET", PIPELINES, RUNS, token=pod).status == 200


def test_a_right_that_is_taken_away_is_gone_within_ten_seconds(door: Door, tokens: dict[str, str]) -> None:
    token = tokens[_VIEWER]
    assert door.ask("GET", PIPELINES, RUNS, token=token).status == 200
    door.world.rights[_VIEWER] = []
    began = time.monotonic()

    def refused() -> str | None:
        status = door.ask("GET", PIPELINES, RUNS, token=token).status
        return None if status == 403 else f"HTTP {status}"

    wait_for("the refusal", refused, timeout_seconds=12)
    assert time.monotonic() - began <= 11


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("unknown.example", 404),
        ("research", 404),
        (f"{PIPELINES}.", 200),
        (PIPELINES.upper(), 200),
        (f"{PIPELINES}:8080", 200),
    ],
)
def test_hosts_are_compared_as_the_router_compares_them(
    door: Door, tokens: dict[str, str], host: str, status: int
) -> None:
    assert door.ask("GET", host, RUNS, token=tokens[_MEMBER]).status == status
    assert door.ask("GET", host, RUNS, token=tokens[_STRANGER]).status == (403 if status == 200 else 404)


def test_an_absolute_uri_does_not_name_another_host(door: Door, tokens: dict[str, str]) -> None:
    uri = f"http://{PIPELINES}{RUNS}"
    answer = door.ask("POST", WINE, uri, token=tokens[_CALLER])
    assert answer.status in {400, 403, 404}
    assert door.world.arrived == []


@pytest.mark.parametrize(
    "path",
    [
        "//apis/v2beta1/runs",
        "/apis/v2beta1/%2e%2e/v2beta1/runs",
        "/apis/v2beta1/x/../runs",
        "/apis/v2beta1/runs;x=1",
        "/apis/v2beta1/%72uns",
        "/apis%2fv2beta1%2fruns",
    ],
)
def test_no_spelling_of_a_path_opens_it(door: Door, tokens: dict[str, str], path: str) -> None:
    assert door.ask("POST", PIPELINES, path, token=tokens[_VIEWER]).status in {400, 403, 404}
    assert door.world.arrived == []


def test_a_session_is_a_person(door: Door, tokens: dict[str, str]) -> None:
    del tokens
    cookies = ("Cookie", "theme=dark; plinth=of-a-member")
    answer = door.ask("GET", MLFLOW, "/", cookies, *_HTML.items())
    assert answer.status == 200
    assert answer.seen["x-remote-user"] == ["local:ann"]
    assert answer.seen["cookie"] == ["theme=dark"], "no server sees the session"
    assert door.ask("GET", MLFLOW, "/", ("Cookie", "plinth=forged")).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"http://{MLFLOW}.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 403),
        ({"Origin": f"http://{MLFLOW}:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_pages_of_others_do_nothing_with_a_session(
    door: Door, tokens: dict[str, str], headers: dict[str, str], status: int
) -> None:
    del tokens
    cookie = ("Cookie", "plinth=of-a-member")
    answer = door.ask("POST", MLFLOW, "/api/2.0/mlflow/runs/create", cookie, *headers.items())
    assert answer.status == status
    assert len(door.world.arrived) == (1 if status == 200 else 0)


def test_the_object_store_sees_its_own_signatures(door: Door, tokens: dict[str, str]) -> None:
    del tokens
    signature = "AWS4-HMAC-SHA256 Credential=key/20261129/us-east-1/s3/aws4_request, Signature=00"
    answer = door.ask("PUT", OBJECTS, "/pipelines/a//b", ("Authorization", signature))
    assert answer.status == 200
    assert answer.seen["authorization"] == [signature]


def test_an_api_that_is_away_lets_nobody_in(door: Door, tokens: dict[str, str]) -> None:
    fresh = jwt("fresh", expires=time.time() + 99)
    door.world.tokens[fresh] = (_MEMBER, TOKEN_AUDIENCE)
    door.world.away = True
    try:
        answer = door.ask("GET", PIPELINES, RUNS, token=fresh)
    finally:
        door.world.away = False
    assert answer.status == 503
    assert "try again" in answer.body
    assert tokens


def test_decisions_are_cached(door: Door, tokens: dict[str, str]) -> None:
    door.ask("GET", PIPELINES, RUNS, token=tokens[_MEMBER])
    before = door.world.reviews
    for _ in range(20):
        assert door.ask("GET", PIPELINES, RUNS, token=tokens[_MEMBER]).status == 200
    assert door.world.reviews - before <= 2


def test_the_log_says_who(door: Door, tokens: dict[str, str], folder: Path) -> None:
    path = f"{RUNS}/logged"
    door.ask("GET", PIPELINES, path, token=tokens[_MEMBER])

    def logged() -> str | None:
        text = (folder / "dynamic" / "access.log").read_text()
        lines = [json.loads(each) for each in text.splitlines() if path in each]
        found = [each.get("ClientUsername") for each in lines]
        return None if found == [_MEMBER] else f"users {found}"

    wait_for("the line of the log", logged, timeout_seconds=10)
    assert tokens[_MEMBER] not in (folder / "dynamic" / "access.log").read_text()


def test_every_header_that_the_gate_sets_is_taken_from_it() -> None:
    content = yaml.safe_load(traefik_configuration.dynamic(gate.address(), 1))
    forward = content["http"]["middlewares"]["gate"]["forwardAuth"]
    assert forward["authResponseHeaders"] == [*HEADERS]
    assert forward["trustForwardHeader"] is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no such file or directory"),
        ("{", "unexpected end of JSON input"),
        (json.dumps({"routes": [{"host": "a"}]}), "route a: no resource: nobody could be allowed to use it"),
    ],
)
def test_without_the_gate_nothing_is_served(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / gate.FILE).write_text(text)
    line = refused(tmp_path)
    assert line.startswith("gate: ")
    assert str(tmp_path / gate.FILE) in line
    assert line.endswith(reason)
