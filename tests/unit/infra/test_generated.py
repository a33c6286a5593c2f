"""Generated values: never twice the same, and a certificate that its client can check."""

import dataclasses
import datetime
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra import generated
from infra.parts import SECRET_KEYS, SECRETS
from infra.parts.secrets import Certificate, GatewayCertificate, WebhookCertificate
from tests.fixtures import certificates

WEBHOOKS = [each for each in SECRETS if isinstance(each, WebhookCertificate)]
GATEWAY = GatewayCertificate(
    names=("*.plinth.localhost", "plinth.localhost", "localhost", "127.0.0.1", "::1")
)
CERTIFICATES = [*WEBHOOKS, GATEWAY]
HOSTS = {
    "kserve-webhooks": "kserve-webhook-server-service.kserve.svc",
    "kueue-webhooks": "kueue-webhook-service.kueue.svc",
}


def test_every_secret_gets_a_value_of_its_own() -> None:
    made = [generated.values(secret) for _ in range(2) for secret in SECRETS]
    assert sorted(key for values in made for key in values) == sorted([*SECRET_KEYS, *SECRET_KEYS])
    assert len({value for values in made for value in values.values()}) == 2 * len(SECRET_KEYS)


def test_each_controller_with_webhooks_has_a_certificate() -> None:
    assert {each.name: each.host() for each in WEBHOOKS} == HOSTS


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_certificate_is_for_its_names_and_signed_by_its_authority(secret: Certificate) -> None:
    made = generated.values(secret)
    authority = x509.load_pem_x509_certificate(made[secret.keys[0]].encode())
    certificate = x509.load_pem_x509_certificate(made[secret.keys[1]].encode())
    key = load_pem_private_key(made[secret.keys[2]].encode(), None)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    assert (*names.get_values_for_type(x509.DNSName), *addresses) == secret.names
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_certificate_is_valid_for_ninety_days(secret: Certificate) -> None:
    for key in secret.keys[:2]:
        made = x509.load_pem_x509_certificate(generated.values(secret)[key].encode())
        valid = made.not_valid_after_utc - made.not_valid_before_utc
        assert valid == datetime.timedelta(days=90, hours=1)


def test_a_certificate_is_renewed_a_month_before_it_expires_and_a_password_never() -> None:
    made = datetime.date(2026, 11, 29)
    days = range(120)
    for secret in (*SECRETS, GATEWAY):
        numbers = [generated.renewal(secret, made + datetime.timedelta(days=each)) for each in days]
        if secret in CERTIFICATES:
            assert numbers[0] != numbers[60]
            assert len(set(numbers[:61])) == 2
        else:
            assert set(numbers) == {None}


def test_a_certificate_is_renewed_when_its_names_change() -> None:
    today = datetime.date(2026, 11, 29)
    other = GatewayCertificate(names=("*.example.com", *GATEWAY.names[1:]))
    assert generated.renewal(other, today) != generated.renewal(GATEWAY, today)
    same = GatewayCertificate(names=GATEWAY.names)
    assert generated.renewal(same, today) == generated.renewal(GATEWAY, today)


@pytest.mark.parametrize(
    "name", ["mlflow.plinth.localhost", "plinth.localhost", "localhost", "127.0.0.1", "::1"]
)
def test_a_strict_client_accepts_each_name_of_the_gateway(name: str, tmp_path: Path) -> None:
    assert _handshake(certificates.make(tmp_path, *GATEWAY.names), name) is None


@pytest.mark.parametrize("name", ["a.b.plinth.localhost", "plinth.example", "127.0.0.2"])
def test_no_client_accepts_another_name(name: str, tmp_path: Path) -> None:
    refused = _handshake(certificates.make(tmp_path, *GATEWAY.names), name)
    assert refused is not None
    assert refused.verify_message.startswith(("Hostname mismatch", "IP address mismatch"))


def test_no_client_accepts_a_certificate_of_another_authority(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    served, other = (certificates.make(each, *GATEWAY.names) for each in (here, there))
    assert _handshake(dataclasses.replace(served, authority=other.authority), "localhost") is not None


def _handshake(served: certificates.Certificate, name: str) -> ssl.SSLCertVerificationError | None:
    """Return why a client that is as strict as Python 3.13's refuses a server, without any network."""
    client = ssl.create_default_context(cafile=served.authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(served.chain, served.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    try:
        for _ in range(4):
            for end in ends:
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error
    assert ends[0].cipher()
    return None
