"""A stack with TLS: nothing leaves the cluster in clear, and whoever knows the authority needs no more."""

import os
import ssl
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx
import pytest

from components.access.traefik_configuration import TLS_ENTRY_PORT
from infra.settings.stack import Settings
from tests.e2e import stranger
from workloads import tokens
from workloads.endpoints import Endpoints
from workloads.gateway_access import tls_context

_MLFLOW = "import mlflow; mlflow.MlflowClient().search_experiments(); print('answered')"


@pytest.fixture(autouse=True)
def _stack_with_tls(settings: Settings, stack: str) -> None:
    if settings.gateway.tls is None:
        pytest.skip(f"stack {stack} has no TLS of its own: set plinth:gateway.tls to local")


@pytest.fixture
def url(endpoints: Endpoints) -> str:
    """Address of the gateway as a client without DNS reaches it."""
    assert endpoints.localhost_url.startswith("https://localhost:")
    return endpoints.localhost_url


def test_who_knows_the_authority_is_answered(endpoints: Endpoints, url: str) -> None:
    answer = httpx.get(
        f"{url}/apis/v2beta1/runs",
        headers=tokens.headers(endpoints),
        verify=tls_context(endpoints),
        timeout=30,
    )
    assert answer.status_code == 200


def _public() -> ssl.SSLContext:
    """The authorities of the internet, and not those of the environment, which the suite has set."""
    return ssl.create_default_context(cafile=certifi.where())


def test_who_does_not_know_it_sends_nothing(url: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(url, verify=_public(), timeout=30, trust_env=False)


def test_clear_text_gets_no_content(endpoints: Endpoints) -> None:
    clear = urlsplit(endpoints.gateway_url)._replace(scheme="http").geturl()
    for host in (endpoints.tracking_host, endpoints.pipelines_host, "localhost"):
        headers = {"Host": host, **tokens.headers(endpoints)}
        try:
            answer = httpx.get(f"{clear}/apis/v2beta1/runs", headers=headers, timeout=30, trust_env=False)
        except httpx.TransportError:
            continue
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_no_port_of_the_gateway_outside_the_cluster_is_in_clear(api: Any) -> None:
    services = api.list_namespaced_service("gateway").items
    published = [
        port.target_port for each in services if each.spec.type != "ClusterIP" for port in each.spec.ports
    ]
    assert published == [TLS_ENTRY_PORT]


def test_stock_clients_need_the_file_and_a_token_where_there_is_a_login(
    endpoints: Endpoints, url: str
) -> None:
    assert stranger.pipelines_client(endpoints).list_runs(page_size=1) is not None
    done = subprocess.run(
        [sys.executable, "-c", _MLFLOW],
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("REQUESTS_")},
            **stranger.tracking_token(endpoints),
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_TRACKING_SERVER_CERT_PATH": endpoints.gateway_authority,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "answered" in done.stdout, done.stderr[-500:]
