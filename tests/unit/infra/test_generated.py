"""Generated values: never twice the same, and a certificate that its client can check."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra import generated
from infra.parts import SECRET_KEYS, SECRETS
from infra.parts.secrets import WebhookCertificate

CERTIFICATES = [each for each in SECRETS if isinstance(each, WebhookCertificate)]
HOSTS = {
    "kserve-webhooks": "kserve-webhook-server-service.kserve.svc",
    "kueue-webhooks": "kueue-webhook-service.kueue.svc",
}


def test_every_secret_gets_a_value_of_its_own() -> None:
    made = [generated.values(secret) for _ in range(2) for secret in SECRETS]
    assert sorted(key for values in made for key in values) == sorted([*SECRET_KEYS, *SECRET_KEYS])
    assert len({value for values in made for value in values.values()}) == 2 * len(SECRET_KEYS)


def test_each_controller_with_webhooks_has_a_certificate() -> None:
    assert {each.name: each.host() for each in CERTIFICATES} == HOSTS


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_certificate_is_for_its_host_and_signed_by_its_authority(secret: WebhookCertificate) -> None:
    made = generated.values(secret)
    authority = x509.load_pem_x509_certificate(made[secret.keys[0]].encode())
    certificate = x509.load_pem_x509_certificate(made[secret.keys[1]].encode())
    key = load_pem_private_key(made[secret.keys[2]].encode(), None)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOSTS[secret.name]]
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_certificate_is_valid_for_ninety_days(secret: WebhookCertificate) -> None:
    for key in secret.keys[:2]:
        made = x509.load_pem_x509_certificate(generated.values(secret)[key].encode())
        valid = made.not_valid_after_utc - made.not_valid_before_utc
        assert valid == datetime.timedelta(days=90, hours=1)


def test_a_certificate_is_renewed_a_month_before_it_expires_and_a_password_never() -> None:
    made = datetime.date(2026, 11, 29)
    days = range(120)
    for secret in SECRETS:
        numbers = [generated.renewal(secret, made + datetime.timedelta(days=each)) for each in days]
        if isinstance(secret, WebhookCertificate):
            assert numbers[0] != numbers[60]
            assert len(set(numbers[:61])) == 2
        else:
            assert set(numbers) == {None}
