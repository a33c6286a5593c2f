"""Tokens: none without a login, one of the operator outside the cluster, one of its own in a step."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from kubernetes.config import ConfigException
from urllib3.exceptions import MaxRetryError

from tests.fixtures import platforms
from workloads import cluster_client, logins, tokens
from workloads.errors import WorkloadsError

ACCOUNT = "identity/operator"


@pytest.fixture
def issued(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Requests for tokens; each gets another token."""
    seen: list[dict[str, Any]] = []

    class Api:
        def __init__(self, _: Any) -> None:
            pass

        def create_namespaced_service_account_token(
            self, name: str, namespace: str, body: dict[str, Any], **_: Any
        ) -> Any:
            seen.append({"name": name, "namespace": namespace, **body["spec"]})
            return SimpleNamespace(status=SimpleNamespace(token=f"token-{len(seen)}"))

    monkeypatch.setattr(client, "CoreV1Api", Api)
    monkeypatch.setattr(cluster_client, "connect", lambda kubeconfig: kubeconfig)
    monkeypatch.setattr(tokens, "_ISSUED", {})
    return seen


def test_a_platform_without_a_login_gets_no_token(issued: list[dict[str, Any]]) -> None:
    assert tokens.headers(platforms.endpoints()) == {}
    assert issued == []


def test_the_operators_token_is_for_the_platform_alone(issued: list[dict[str, Any]]) -> None:
    known = platforms.endpoints(identity_account=ACCOUNT)
    assert tokens.headers(known) == {"Authorization": "Bearer token-1"}
    assert issued == [
        {"name": "operator", "namespace": "identity", "audiences": ["plinth"], "expirationSeconds": 3600}
    ]


def test_a_token_is_kept_until_five_minutes_before_its_end(
    issued: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(tokens, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    known = platforms.endpoints(identity_account=ACCOUNT)
    found: list[str] = []
    for passed in (0, 3299, 2):
        clock[0] += passed
        found.append(tokens.token(known))
    assert found == ["token-1", "token-1", "token-2"]
    assert len(issued) == 2


def test_a_step_sends_the_token_that_the_kubelet_gave_it(
    issued: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("of-the-step\n")
    monkeypatch.setattr(tokens, "STEP_TOKEN", str(file))
    assert tokens.token(platforms.endpoints(identity_account=ACCOUNT)) == "of-the-step"
    assert issued == []


@pytest.mark.parametrize(
    ("error", "clause"),
    [
        (client.ApiException(status=403, reason="Forbidden"), "answers 403"),
        (MaxRetryError(None, "/"), "reaches no Kubernetes API"),  # pyright: ignore[reportArgumentType]
        (ConfigException("no such file"), "reaches no Kubernetes API"),
    ],
)
def test_whoever_may_not_issue_tokens_reads_why(
    issued: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, error: Exception, clause: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(client.CoreV1Api, "create_namespaced_service_account_token", fail)
    with pytest.raises(WorkloadsError, match=clause):
        tokens.token(platforms.endpoints(identity_account=ACCOUNT))
    assert issued == []


@pytest.mark.parametrize("login", ["of-ann", ""])
def test_whoever_has_signed_in_acts_in_their_own_name(
    issued: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    monkeypatch.setattr(logins, "token", lambda _: login)
    known = platforms.endpoints(identity_account=ACCOUNT)
    company = replace(known, identity_issuer="https://login.example.com")
    assert tokens.token(company) == (login or "token-1")
    assert tokens.token(known) == "token-1"
    assert len(issued) == 1


def test_whoever_could_sign_in_reads_so(
    issued: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise client.ApiException(status=403, reason="Forbidden")

    monkeypatch.setattr(client.CoreV1Api, "create_namespaced_service_account_token", fail)
    monkeypatch.setattr(logins, "token", lambda _: "")
    known = replace(
        platforms.endpoints(identity_account=ACCOUNT), identity_issuer="https://login.example.com"
    )
    with pytest.raises(WorkloadsError, match=r"answers 403 .* or sign in with `python -m workloads login`$"):
        tokens.token(known)
    assert issued == []
