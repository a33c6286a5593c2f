"""Generated values: never twice the same, and a certificate that its client can check."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from components import kserve_controller
from infra import generated, settings


def test_every_secret_gets_a_value_of_its_own() -> None:
    keys = settings.secret_keys()
    first, second = generated.values(keys), generated.values(keys)
    assert sorted(first) == sorted(keys)
    assert len({*first.values(), *second.values()}) == 2 * len(keys)


def test_the_host_is_the_one_that_the_controller_serves() -> None:
    assert kserve_controller.webhook_host("kserve") == generated.WEBHOOK_HOST


def test_the_certificate_is_for_the_host_and_signed_by_its_authority() -> None:
    made = generated.values(generated.WEBHOOK_KEYS)
    authority = x509.load_pem_x509_certificate(made["webhookAuthority"].encode())
    certificate = x509.load_pem_x509_certificate(made["webhookCertificate"].encode())
    key = load_pem_private_key(made["webhookKey"].encode(), None)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [generated.WEBHOOK_HOST]
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize("missing", generated.WEBHOOK_KEYS)
def test_a_lost_part_of_the_certificate_renews_all_of_it(missing: str) -> None:
    assert sorted(generated.values([missing])) == sorted(generated.WEBHOOK_KEYS)


def test_nothing_is_made_when_nothing_is_missing() -> None:
    assert generated.values([]) == {}
