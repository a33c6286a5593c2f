"""The gateway with a certificate of its own: TLS for every name, verified by its authority, no clear text."""

import datetime
import http.client
import socket
import ssl
import subprocess
import time
from collections.abc import Generator

import pytest
import requests
from cryptography import x509

from infra.parts.gateway import certificates as certificates_of
from infra.settings import reader
from tests.fixtures import certificates
from tests.fixtures.certificates import Certificate
from tests.fixtures.front_door import DOMAIN, MLFLOW, PIPELINES, RUNS, Door, front_door, jwt
from workloads.contract import TOKEN_AUDIENCE

_NAMES = (MLFLOW, PIPELINES, f"pipelines-research.{DOMAIN}", f"wine-research.{DOMAIN}", DOMAIN, "localhost")
_MEMBER = jwt("member", expires=time.time() + 3600)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The certificate of a stack with TLS."""
    settings = reader.parse(
        {"cluster": {"kind": "kubeconfig", "name": "local"}, "gateway": {"tls": "local", "domain": DOMAIN}}
    )
    (secret,) = certificates_of(settings)
    return certificates.make(tmp_path_factory.mktemp("certificate"), *secret.names)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Generator[Door]:
    with front_door(tmp_path_factory.mktemp("front-door"), certificate=certificate) as door:
        door.world.tokens[_MEMBER] = ("member", TOKEN_AUDIENCE)
        door.world.rights["member"] = [{}]
        yield door


@pytest.fixture
def trusting(certificate: Certificate) -> ssl.SSLContext:
    """A client that trusts the stack's authority alone, and is as strict as those of Python 3.13."""
    context = ssl.create_default_context(cafile=certificate.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def _ask(door: Door, context: ssl.SSLContext, name: str, host: str, *, token: str = "") -> int:
    """Send a request to a host over a connection for which the certificate is verified for a name."""
    headers = {"Host": host, **({"Authorization": f"Bearer {token}"} if token else {})}
    with (
        socket.create_connection(("127.0.0.1", door.tls_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        client = http.client.HTTPConnection("127.0.0.1", door.tls_port, timeout=20)
        client.sock = connection
        client.request("GET", RUNS, headers=headers)
        return client.getresponse().status


@pytest.mark.parametrize("name", _NAMES)
def test_the_certificate_is_verified_for_every_name_of_the_platform(
    door: Door, trusting: ssl.SSLContext, name: str
) -> None:
    assert _ask(door, trusting, name, PIPELINES, token=_MEMBER) == 200


def test_whoever_connects_to_an_address_is_served_the_same_certificate(
    door: Door, trusting: ssl.SSLContext
) -> None:
    # Such a client asks for no name: Traefik would answer with a certificate that it makes itself.
    assert _ask(door, trusting, "127.0.0.1", PIPELINES, token=_MEMBER) == 200


def test_a_client_that_does_not_know_the_authority_sends_nothing(door: Door) -> None:
    door.world.arrived.clear()
    with pytest.raises(ssl.SSLCertVerificationError):
        _ask(door, ssl.create_default_context(), PIPELINES, PIPELINES, token=_MEMBER)
    assert door.world.arrived == []


def test_the_gate_is_asked_over_tls_and_in_clear(door: Door, trusting: ssl.SSLContext) -> None:
    door.world.arrived.clear()
    assert _ask(door, trusting, PIPELINES, PIPELINES) == 401
    assert door.ask("GET", PIPELINES, RUNS).status == 401
    assert door.world.arrived == []
    assert door.ask("GET", PIPELINES, RUNS, token=_MEMBER).status == 200


@pytest.mark.parametrize("host", [PIPELINES, MLFLOW, "localhost", f"login.{DOMAIN}", "unknown.example"])
def test_clear_text_at_the_port_of_tls_gets_no_content(door: Door, host: str) -> None:
    door.world.arrived.clear()
    client = http.client.HTTPConnection("127.0.0.1", door.tls_port, timeout=20)
    try:
        client.request("GET", RUNS, headers={"Host": host, "Authorization": f"Bearer {_MEMBER}"})
        answer = client.getresponse()
        status, body = answer.status, answer.read()
    except (http.client.HTTPException, OSError):
        status, body = 0, b""
    finally:
        client.close()
    assert status in (0, 404)
    assert body in (b"", b"404 page not found\n")
    assert door.world.arrived == []


def test_the_served_certificate_is_the_stacks_and_valid_for_ninety_days(
    door: Door, certificate: Certificate
) -> None:
    served = ssl.get_server_certificate(("127.0.0.1", door.tls_port), timeout=20)
    assert served.strip() == certificate.chain.read_text().strip()
    parsed = x509.load_pem_x509_certificate(served.encode())
    left = parsed.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=89) < left <= datetime.timedelta(days=90)
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"*.{DOMAIN}", DOMAIN, "localhost"]


def test_a_browser_is_sent_to_the_login_over_tls(door: Door, certificate: Certificate) -> None:
    answer = requests.get(
        f"https://127.0.0.1:{door.tls_port}/",
        headers={"Host": f"{MLFLOW}:{door.tls_port}", "Accept": "text/html"},
        verify=str(certificate.authority),
        allow_redirects=False,
        timeout=20,
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"https://login.{DOMAIN}:{door.tls_port}/oauth2/sign_in")


def test_stock_clients_need_the_file_and_nothing_else(
    door: Door, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, header = f"https://localhost:{door.tls_port}{RUNS}", f"Authorization: Bearer {_MEMBER}"
    monkeypatch.setenv("no_proxy", "localhost")
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "20", "--header", header, url]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (60, "")
    trusting = [*command, "--cacert", str(certificate.authority)]
    assert RUNS in subprocess.run(trusting, capture_output=True, text=True, check=True).stdout
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    assert requests.get(url, headers={"Authorization": f"Bearer {_MEMBER}"}, timeout=20).status_code == 200
