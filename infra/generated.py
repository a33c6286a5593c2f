"""Generates secrets of a stack: passwords, and certificates of the controllers' webhooks."""

import datetime
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.parts.secrets import Password, Secret, WebhookCertificate

_VALID_DAYS = 90
# The first update after as many days makes a new one: 30 days are left for somebody to run it.
_RENEWED_DAYS = 60


def values(secret: Secret) -> dict[str, str]:
    """Return new values of a secret by their keys; the three of a certificate belong together."""
    if isinstance(secret, Password):
        return {secret.key: secrets.token_hex(20)}
    return dict(zip(secret.keys, certificate(secret.host()), strict=True))


def renewal(secret: Secret, today: datetime.date) -> int | None:
    """Return a number that changes when an update must renew the secret; None if nothing but a user does."""
    return today.toordinal() // _RENEWED_DAYS if isinstance(secret, WebhookCertificate) else None


def certificate(host: str) -> tuple[str, str, str]:
    """Return a certificate authority, a certificate for the host and its key, as PEM.

    The authority's key is discarded, so nothing else can be signed with it.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plinth webhooks")])
    authority = (
        _builder(issuer, issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    signed = (
        _builder(x509.Name([]), issuer, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return authority.public_bytes(encoding).decode(), signed.public_bytes(encoding).decode(), private


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks differ: a certificate issued this second may not be valid yet on another machine.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
    )
