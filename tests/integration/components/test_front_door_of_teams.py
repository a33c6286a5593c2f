"""The front door on a real API: tokens are verified, and the roles of one team are none in another."""

import base64
import json
import time
from collections.abc import Generator, Mapping
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from kubernetes import client, config

from components.access.gate import AUDIENCE_OF_PODS
from components.access.roles import Role
from tests.fixtures.enforced_stack import EnforcedStack
from tests.fixtures.front_door import (
    APPLIED,
    MLFLOW,
    PIPELINES,
    RESEARCH,
    RUNS,
    WINE,
    Door,
    front_door,
    mlflow_of,
    other_of,
    pipelines_of,
    wine_of,
)
from workloads.wait import wait_for

_PREDICT = "/v1/models/wine:predict"
_RBAC = "rbac.authorization.k8s.io"
_MEMBER, _VIEWER, _CALLER, _PROMOTER, _STRANGER = "member", "viewer", "caller", "promoter", "stranger"
_ROLES = {_MEMBER: Role.MEMBER, _VIEWER: Role.VIEWER, _CALLER: Role.CALLER, _PROMOTER: Role.PROMOTER}
_CALLS = "/api/2.0/mlflow"
_ALIAS = f"{_CALLS}/registered-models/alias"


@pytest.fixture(scope="module")
def door(stack_of_teams: EnforcedStack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Door]:
    """The gate asks the API as the gateway's account, with the rights that the stack gives it."""
    folder = tmp_path_factory.mktemp("door")
    access = yaml.safe_load(stack_of_teams.cluster.access.kubeconfig.read_text())
    (audience,) = AUDIENCE_OF_PODS[:1]
    access["users"][0]["user"]["token"] = stack_of_teams.token("gateway", "traefik", audience=audience)
    kubeconfig = folder / "of-the-gateway"
    kubeconfig.write_text(yaml.safe_dump(access))
    with front_door(folder, kubeconfig=kubeconfig) as door:
        yield door


@pytest.fixture(scope="module")
def tokens(door: Door, stack_of_teams: EnforcedStack) -> Mapping[str, str]:
    """A token for an account of each kind in the namespace `research`, bound as an administrator binds it."""
    assert door
    connected = stack_of_teams.connect()
    core: Any = client.CoreV1Api(connected)
    rights: Any = client.RbacAuthorizationV1Api(connected)
    for name in (*_ROLES, _STRANGER):
        core.create_namespaced_service_account(RESEARCH, {"metadata": {"name": name}})
        if name in _ROLES:
            role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ROLES[name]}
            subject = {"kind": "ServiceAccount", "name": name, "namespace": RESEARCH}
            rights.create_namespaced_role_binding(
                RESEARCH, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
            )
    return {name: stack_of_teams.token(RESEARCH, name) for name in (*_ROLES, _STRANGER)}


@pytest.mark.parametrize(
    ("user", "method", "host", "path", "status"),
    [
        (_MEMBER, "GET", pipelines_of(RESEARCH), RUNS, 200),
        (_MEMBER, "POST", pipelines_of(RESEARCH), RUNS, 200),
        (_MEMBER, "POST", "localhost", f"/teams/{RESEARCH}{RUNS}", 200),
        (_MEMBER, "POST", wine_of(RESEARCH), _PREDICT, 200),
        (_MEMBER, "GET", pipelines_of(APPLIED), RUNS, 403),
        (_MEMBER, "POST", pipelines_of(APPLIED), RUNS, 403),
        (_MEMBER, "POST", "localhost", f"/teams/{APPLIED}{RUNS}", 403),
        (_MEMBER, "POST", wine_of(APPLIED), _PREDICT, 403),
        (_MEMBER, "GET", PIPELINES, RUNS, 403),
        (_MEMBER, "GET", "localhost", RUNS, 403),
        (_MEMBER, "POST", WINE, _PREDICT, 403),
        (_VIEWER, "GET", pipelines_of(RESEARCH), RUNS, 200),
        (_VIEWER, "POST", pipelines_of(RESEARCH), RUNS, 403),
        (_VIEWER, "DELETE", pipelines_of(RESEARCH), f"{RUNS}/1", 403),
        (_VIEWER, "POST", wine_of(RESEARCH), _PREDICT, 403),
        (_CALLER, "POST", wine_of(RESEARCH), _PREDICT, 200),
        (_CALLER, "POST", wine_of(APPLIED), _PREDICT, 403),
        (_CALLER, "GET", pipelines_of(RESEARCH), RUNS, 403),
        (_MEMBER, "POST", mlflow_of(RESEARCH), f"{_CALLS}/runs/create", 200),
        (_MEMBER, "POST", "localhost", f"/teams/{RESEARCH}{_CALLS}/registered-models/create", 200),
        (_MEMBER, "GET", mlflow_of(RESEARCH), _ALIAS, 200),
        (_MEMBER, "POST", mlflow_of(APPLIED), f"{_CALLS}/runs/search", 403),
        (_MEMBER, "POST", "localhost", f"/teams/{APPLIED}{_CALLS}/runs/create", 403),
        (_MEMBER, "POST", MLFLOW, f"{_CALLS}/runs/search", 403),
        # Who promotes is a right of its own.
        (_MEMBER, "POST", mlflow_of(RESEARCH), _ALIAS, 403),
        (_MEMBER, "DELETE", "localhost", f"/teams/{RESEARCH}{_ALIAS}", 403),
        (_PROMOTER, "POST", mlflow_of(RESEARCH), _ALIAS, 200),
        (_PROMOTER, "DELETE", "localhost", f"/teams/{RESEARCH}{_ALIAS}", 200),
        (_PROMOTER, "POST", mlflow_of(APPLIED), _ALIAS, 403),
        (_PROMOTER, "POST", mlflow_of(RESEARCH), f"{_CALLS}/runs/create", 403),
        (_VIEWER, "POST", mlflow_of(RESEARCH), f"{_CALLS}/runs/search", 200),
        (_VIEWER, "POST", mlflow_of(RESEARCH), f"{_CALLS}/runs/create", 403),
        (_STRANGER, "GET", pipelines_of(RESEARCH), RUNS, 403),
        (_STRANGER, "POST", wine_of(RESEARCH), _PREDICT, 403),
    ],
)
def test_a_role_in_a_teams_namespace_is_for_that_team_alone(
    door: Door, tokens: Mapping[str, str], user: str, method: str, host: str, path: str, status: int
) -> None:
    door.world.arrived.clear()
    answer = door.ask(method, host, path, token=tokens[user])
    assert answer.status == status, answer.body
    assert len(door.world.arrived) == (1 if status == 200 else 0)
    if status == 200:
        assert answer.seen["x-remote-user"] == [f"system:serviceaccount:{RESEARCH}:{user}"]


def test_a_right_to_one_model_is_no_right_to_another(
    door: Door, stack_of_teams: EnforcedStack, tokens: Mapping[str, str]
) -> None:
    rights: Any = client.RbacAuthorizationV1Api(stack_of_teams.connect())
    rule = {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["inferenceservices/predictions"],
        "resourceNames": ["wine"],
        "verbs": ["get", "create"],
    }
    rights.create_namespaced_role(APPLIED, {"metadata": {"name": "one-model"}, "rules": [rule]})
    subject = {"kind": "ServiceAccount", "name": _CALLER, "namespace": RESEARCH}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": "one-model"}
    body = {"metadata": {"name": "one-model"}, "roleRef": role, "subjects": [subject]}
    rights.create_namespaced_role_binding(APPLIED, body)

    def called() -> str | None:
        # A refusal counts for ten seconds.
        status = door.ask("POST", wine_of(APPLIED), _PREDICT, token=tokens[_CALLER]).status
        return None if status == 200 else f"HTTP {status}"

    try:
        wait_for("the binding", called, timeout_seconds=15, interval_seconds=0.5)
        assert (
            door.ask("POST", other_of(APPLIED), "/v1/models/other:predict", token=tokens[_CALLER]).status
            == 403
        )
        assert door.ask("GET", pipelines_of(APPLIED), RUNS, token=tokens[_CALLER]).status == 403
    finally:
        rights.delete_namespaced_role_binding("one-model", APPLIED)
        rights.delete_namespaced_role("one-model", APPLIED)


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _forged(token: str, key: rsa.RSAPrivateKey | None, **claims: object) -> str:
    """Return a token with other claims, signed by a key; without one, it says that it needs no signature."""
    head, body, _ = token.split(".")
    header, payload = (json.loads(base64.urlsafe_b64decode(f"{each}==")) for each in (head, body))
    if key is None:
        header["alg"] = "none"
    text = ".".join(_encoded(json.dumps(each).encode()) for each in (header, {**payload, **claims}))
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()) if key else b""
    return f"{text}.{_encoded(signature)}"


def _issuers_key(stack: EnforcedStack) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(stack.cluster.access.key.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_tokens_are_verified(door: Door, stack_of_teams: EnforcedStack, tokens: Mapping[str, str]) -> None:
    good, own = tokens[_MEMBER], _issuers_key(stack_of_teams)
    now = int(time.time())
    wrong = {
        "another key": _forged(good, rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "no signature": _forged(good, None),
        "the signature of other claims": ".".join(
            [*_forged(good, own, sub="x").split(".")[:2], good.split(".")[2]]
        ),
        "over": _forged(good, own, exp=now - 5, iat=now - 700, nbf=now - 700),
        # Clocks of issuer and API are one; a token from the future is nobody's.
        "not yet": _forged(good, own, nbf=now + 600, iat=now + 600, exp=now + 1200),
        "another issuer": _forged(good, own, iss="https://elsewhere.example"),
        "another audience": stack_of_teams.token(RESEARCH, _MEMBER, audience="another"),
    }
    door.world.arrived.clear()
    found = {
        name: door.ask("GET", pipelines_of(RESEARCH), RUNS, token=token).status
        for name, token in wrong.items()
    }
    assert found == dict.fromkeys(wrong, 401)
    assert door.world.arrived == []
    # The same way of making one, with nothing wrong.
    assert door.ask("GET", pipelines_of(RESEARCH), RUNS, token=_forged(good, own)).status == 200


def test_a_token_for_the_login_is_worth_nothing_at_the_api(
    stack_of_teams: EnforcedStack, tokens: Mapping[str, str]
) -> None:
    access = yaml.safe_load(stack_of_teams.cluster.access.kubeconfig.read_text())
    access["users"][0]["user"]["token"] = tokens[_MEMBER]
    connected = config.new_client_from_config_dict(access)
    with pytest.raises(client.ApiException) as refused:
        client.AuthorizationV1Api(connected).create_self_subject_access_review({"spec": {}})
    assert refused.value.status == 401
