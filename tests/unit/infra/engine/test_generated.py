"""Generated values: never twice the same, and a certificate that its client can check."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from components.gpus import kueue_controller
from components.serving import kserve_controller
from infra.engine import generated
from infra.settings.stack import secret_keys


def test_every_secret_gets_a_value_of_its_own() -> None:
    keys = secret_keys()
    first, second = generated.values(keys), generated.values(keys)
    assert sorted(first) == sorted(keys)
    assert len({*first.values(), *second.values()}) == 2 * len(keys)


def test_hosts_are_those_that_the_controllers_serve() -> None:
    assert kserve_controller.webhook_host("kserve") == generated.WEBHOOK_HOST
    assert kueue_controller.webhook_host("kueue") == generated.QUEUE_WEBHOOK_HOST


@pytest.mark.parametrize(
    ("keys", "host"),
    [
        (generated.WEBHOOK_KEYS, generated.WEBHOOK_HOST),
        (generated.QUEUE_WEBHOOK_KEYS, generated.QUEUE_WEBHOOK_HOST),
    ],
)
def test_a_certificate_is_for_its_host_and_signed_by_its_authority(
    keys: tuple[str, str, str], host: str
) -> None:
    made = generated.values(keys)
    authority = x509.load_pem_x509_certificate(made[keys[0]].encode())
    certificate = x509.load_pem_x509_certificate(made[keys[1]].encode())
    key = load_pem_private_key(made[keys[2]].encode(), None)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host]
    assert certificate.public_key() == key.public_key()


@pytest.mark.parametrize("keys", [generated.WEBHOOK_KEYS, generated.QUEUE_WEBHOOK_KEYS])
def test_a_lost_part_of_a_certificate_renews_all_of_it_and_no_other(keys: tuple[str, str, str]) -> None:
    for missing in keys:
        assert sorted(generated.values([missing])) == sorted(keys)


def test_nothing_is_made_when_nothing_is_missing() -> None:
    assert generated.values([]) == {}
