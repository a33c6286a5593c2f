"""Clients of the object store."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client, config

from tests.fixtures.platforms import ENDPOINTS
from workloads import object_store
from workloads.errors import WorkloadsError


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}

    def read(_: Any, name: str, namespace: str) -> Any:
        if (namespace, name) not in found:
            raise client.ApiException(status=404, reason="Not Found")
        data = {
            key: base64.b64encode(value.encode()).decode() for key, value in found[namespace, name].items()
        }
        return SimpleNamespace(data=data)

    monkeypatch.setattr(config, "new_client_from_config", lambda _: None)
    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_secret", read)
    account = SimpleNamespace(secrets=[SimpleNamespace(name="model-storage")])
    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_service_account", lambda *_: account)
    return found


def test_requests_go_through_the_gateway_and_are_signed_for_the_host_it_routes_by(
    secrets: dict[tuple[str, str], dict[str, str]],
) -> None:
    secrets["runs", "mlpipeline-minio-artifact"] = {"accesskey": "a", "secretkey": "s"}
    store = object_store.pipelines_store(ENDPOINTS)
    assert store.meta.endpoint_url == "http://objects.plinth.localhost"
    assert store.meta.config.proxies == {"http": ENDPOINTS.gateway_url}
    assert store.meta.region_name == "us-east-1"


def test_models_are_read_with_the_rights_of_their_own_account(
    secrets: dict[tuple[str, str], dict[str, str]],
) -> None:
    secrets["models", "model-storage"] = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    store = object_store.models_store(ENDPOINTS, "model-storage")
    assert store._request_signer._credentials.access_key == "a"


def test_a_missing_secret_is_named(secrets: dict[tuple[str, str], dict[str, str]]) -> None:
    with pytest.raises(WorkloadsError, match="secret runs/mlpipeline-minio-artifact: cannot be read"):
        object_store.pipelines_store(ENDPOINTS)


def test_without_keys_in_the_cluster_callers_use_their_own_credentials_and_no_gateway(
    secrets: dict[tuple[str, str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets["runs", "mlpipeline-minio-artifact"] = {"accesskey": "", "secretkey": ""}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "callers-own")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    store = object_store.pipelines_store(ENDPOINTS)
    assert store._request_signer._credentials.access_key == "callers-own"
    assert not store.meta.config.proxies
    assert store.meta.endpoint_url.endswith("amazonaws.com")
