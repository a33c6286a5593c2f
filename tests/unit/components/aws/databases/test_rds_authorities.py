"""Every certificate is the authority that RDS has in its region, and is valid for long."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from components.aws.databases import rds_authorities


@pytest.mark.parametrize("region", rds_authorities.authorities())
def test_the_certificate_is_the_regions_own_authority(region: str) -> None:
    certificate = x509.load_pem_x509_certificate(rds_authorities.authority(region).encode())
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == f"Amazon RDS {region} Root CA RSA2048 G1"
    certificate.verify_directly_issued_by(certificate)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3650)
    assert certificate.not_valid_after_utc > later


def test_no_certificate_is_passed_over() -> None:
    text = rds_authorities._FILE.read_text()
    assert text.count("BEGIN CERTIFICATE") == len(rds_authorities.authorities()) >= 27


def test_a_region_without_a_certificate_is_refused_with_where_to_find_it() -> None:
    with pytest.raises(
        ValueError, match=r"region: mars-1; rds-authorities\.pem has no .* from https://trust"
    ):
        rds_authorities.authority("mars-1")
