"""Generated values: never twice the same, and a certificate that its client can check."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra.engine import generated
from infra.parts import SECRET_KEYS, SECRETS
from infra.parts.secrets import WebhookCertificate

CERTIFICATES = [each for each in SECRETS if isinstance(each, WebhookCertificate)]
HOSTS = {
    "kserve-webhooks": "kserve-webhook-server-service.kserve.svc",
    "kueue-webhooks": "kueue-webhook-service.kueue.svc",
}


def test_every_secret_gets_a_value_of_its_own() -> None:
    first, second = generated.values(SECRETS, SECRET_KEYS), generated.values(SECRETS, SECRET_KEYS)
    assert sorted(first) == sorted(SECRET_KEYS)
    assert len({*first.values(), *second.values()}) == 2 * len(SECRET_KEYS)


def test_each_controller_with_webhooks_has_a_certificate() -> None:
    assert {each.name: each.host() for each in CERTIFICATES} == HOSTS


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_certificate_is_for_its_host_and_signed_by_its_authority(secret: WebhookCertificate) -> None:
    made = generated.values(SECRETS, secret.keys)
    authority = x509.load_pem_x509_certificate(made[secret.keys[0]].encode())
    certificate = x509.load_pem_x509_certificate(made[secret.keys[1]].encode())
    key = load_pem_private_key(made[secret.keys[2]].encode(), None)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOSTS[secret.name]]
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize("secret", CERTIFICATES, ids=lambda each: each.name)
def test_a_lost_part_of_a_certificate_renews_all_of_it_and_no_other(secret: WebhookCertificate) -> None:
    for missing in secret.keys:
        assert sorted(generated.values(SECRETS, [missing])) == sorted(secret.keys)


def test_nothing_is_made_when_nothing_is_missing() -> None:
    assert generated.values(SECRETS, []) == {}
