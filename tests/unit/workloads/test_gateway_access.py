"""Clients of the gateway connect to it, whatever proxy the environment names."""

import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from kubernetes import client

from harness.faults import injection
from harness.prometheus import Prometheus
from loadtests.platform_access import PlatformAccess
from tests.fixtures import certificates, platforms
from tests.fixtures.certificates import Certificate
from tests.fixtures.ports import free_port
from workloads import cluster_client, gateway_access, object_store, pipeline_runs, tracking
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import direct_session, exempt_from_proxies, reach
from workloads.serving.inference_client import InferenceClient

G = TypeVar("G", bound="Gateway")
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Gateway(ThreadingHTTPServer):
    """Answers everything with one JSON document, and keeps the hosts and paths of the requests."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoints(self) -> Endpoints:
        return platforms.endpoints(gateway_url=f"http://127.0.0.1:{self.server_port}")


class TlsGateway(Gateway):
    """A gateway with a certificate, which keeps the names that clients ask for when they connect."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__()
        self.asked: set[str | None] = set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        context.sni_callback = lambda _, name, __: self.asked.add(name)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def endpoints(self) -> Endpoints:
        known = platforms.endpoints(gateway_url=f"https://gateway.plinth.test:{self.server_port}")
        return replace(known, gateway_domain="plinth.test", gateway_address="127.0.0.1")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that refuses the certificate is what a test wants."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Gateway)
        self.server.hosts.append(self.headers["Host"])
        body = b'{"data": [], "properties": {}, "experiment": {"experiment_id": "0", "name": "Default"}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _serving(server: G) -> Generator[G]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with _serving(Gateway()) as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("plinth.test"), "*.plinth.test")


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the certificate's authority, and let the test end with the names that the process resolves."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    monkeypatch.setattr(gateway_access, "_ADDRESSES", {})
    monkeypatch.setattr(gateway_access, "_VERIFIED", set[str]())


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a proxy at which nothing listens, in every way that is in use."""
    for name in _VARIABLES:
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, "" if name == "no_proxy" else f"http://127.0.0.1:{free_port()}")


def _list_objects(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"accesskey": "YQ==", "secretkey": "cw=="}
    monkeypatch.setattr(cluster_client, "connect", lambda _: None)
    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_secret", lambda *_: SimpleNamespace(data=data))
    object_store.pipelines_store(endpoints).get_object(Bucket="pipelines", Key="key")


CLIENTS: dict[str, Callable[[Endpoints, pytest.MonkeyPatch], object]] = {
    "pipelines": lambda known, _: pipeline_runs._api(known, "GET", "runs/one"),
    "mlflow": lambda known, _: tracking.connect(known).get_experiment("0"),
    "wine-models": lambda known, _: InferenceClient(known, "wine").properties(),
    "objects": _list_objects,
    "prometheus": lambda known, _: Prometheus(known)._get("rules"),
    "fault": lambda known, _: injection._client(known, "fault.plinth.localhost").get("/"),
    "load": lambda known, _: PlatformAccess(endpoints=known, target=known.gateway_url, model="wine").call(
        "GET", "load.plinth.localhost", "/"
    ),
}


@pytest.mark.usefixtures("dead_proxy")
@pytest.mark.parametrize("part", CLIENTS)
def test_a_client_of_the_gateway_ignores_the_proxy(
    part: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    CLIENTS[part](gateway.endpoints, monkeypatch)
    assert set(gateway.hosts) == {f"{part}.plinth.localhost"}


@pytest.mark.usefixtures("dead_proxy")
def test_the_cluster_is_asked_directly(gateway: Gateway) -> None:
    api: Any = client.ApiClient(client.Configuration(host=gateway.endpoints.gateway_url))
    with suppress(ValueError):
        client.CoreV1Api(api).list_namespace()
    assert gateway.hosts


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "10.0.0.7"), ("a,b", "a,b,10.0.0.7"), ("10.0.0.7,b", "10.0.0.7,b"), ("*", "*,10.0.0.7")],
)
def test_the_gateway_joins_the_exemptions_that_are_there(
    before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", before)
    monkeypatch.setenv("NO_PROXY", before)
    exempt_from_proxies("http://10.0.0.7:8080")
    assert os.environ["no_proxy"] == after


TLS_CLIENTS = {part: call for part, call in CLIENTS.items() if part not in ("load", "fault")} | {
    "fault": lambda known, _: injection._client(known, "fault.plinth.test").get("/"),
}


@pytest.mark.usefixtures("dead_proxy", "trusted")
@pytest.mark.parametrize("part", TLS_CLIENTS)
def test_with_tls_a_client_connects_to_the_address_and_verifies_the_host_without_dns(
    part: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _serving(TlsGateway(certificate)) as gateway:
        TLS_CLIENTS[part](gateway.endpoints, monkeypatch)
    host = f"{part}.plinth.test"
    assert gateway.asked == {host}
    assert {each.partition(":")[0] for each in gateway.hosts} == {host}


@pytest.fixture
def unknown(trusted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust no authority but those of this machine, and let the test end with what clients are told."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/nowhere")


@pytest.mark.usefixtures("dead_proxy", "unknown")
@pytest.mark.parametrize("part", TLS_CLIENTS)
def test_every_client_trusts_the_gateways_own_authority_with_nothing_to_set(
    part: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _serving(TlsGateway(certificate)) as gateway:
        known = replace(gateway.endpoints, gateway_authority=str(certificate.authority))
        TLS_CLIENTS[part](known, monkeypatch)
    assert gateway.asked == {f"{part}.plinth.test"}


@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize("part", TLS_CLIENTS)
def test_a_gateway_with_an_authority_of_its_own_is_trusted_by_that_one_alone(
    part: str, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    other = certificates.make(tmp_path, "*.plinth.test")
    with _serving(TlsGateway(certificate)) as gateway:
        known = replace(gateway.endpoints, gateway_authority=str(other.authority))
        with pytest.raises(WorkloadsError, match=r"refused .*: run `make up`, which renews it"):
            TLS_CLIENTS[part](known, monkeypatch)
    assert not gateway.hosts


@pytest.mark.usefixtures("trusted")
def test_an_authority_whose_file_is_gone_is_named(certificate: Certificate) -> None:
    with _serving(TlsGateway(certificate)) as gateway:
        known = replace(gateway.endpoints, gateway_authority="/gone.pem")
        with pytest.raises(WorkloadsError, match=r"^authority of the gateway: /gone.pem does not exist"):
            reach(known, "mlflow.plinth.test")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("part", TLS_CLIENTS)
def test_a_certificate_for_another_name_is_refused_in_one_line(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificates.make(tmp_path, "*.other.test")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.authority))
    with _serving(TlsGateway(other)) as gateway, pytest.raises(WorkloadsError) as refused:
        TLS_CLIENTS[part](gateway.endpoints, monkeypatch)
    assert not gateway.hosts
    assert re.fullmatch(
        rf"https://{part}\.plinth\.test:\d+: its certificate is refused \(Hostname mismatch, [^)]*\): "
        r"set plinth:gateway\.certificateArn to a certificate for \*\.plinth\.test",
        str(refused.value),
    )


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_an_unknown_authority_is_refused_with_how_to_trust_it(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with (
        _serving(TlsGateway(certificate)) as gateway,
        pytest.raises(WorkloadsError, match="name a file with it in REQUESTS_CA_BUNDLE"),
    ):
        reach(gateway.endpoints, "mlflow.plinth.test")


@pytest.mark.usefixtures("trusted")
def test_a_gateway_that_is_down_is_left_to_its_client() -> None:
    down = platforms.endpoints(gateway_url=f"https://gateway.plinth.test:{free_port()}")
    down = replace(down, gateway_domain="plinth.test", gateway_address="127.0.0.1")
    assert reach(down, "mlflow.plinth.test").startswith("https://mlflow.plinth.test:")
    with pytest.raises(WorkloadsError, match="is the platform up"):
        pipeline_runs.submit(down, "train_register_serve", {})


def test_a_session_names_its_part(gateway: Gateway) -> None:
    with direct_session(gateway.endpoints, "mlflow.plinth.localhost") as session:
        session.get(gateway.endpoints.gateway_url, timeout=5)
    assert gateway.hosts == ["mlflow.plinth.localhost"]
