"""Generates secrets of a stack: passwords, and certificates of the controllers' webhooks and the gateway."""

import datetime
import ipaddress
import secrets
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.parts.secrets import GatewayCertificate, Password, Secret

_VALID_DAYS = 90
# The first update after as many days makes a new one: 30 days are left for somebody to run it.
_RENEWED_DAYS = 60


def values(secret: Secret) -> dict[str, str]:
    """Return new values of a secret by their keys; the three of a certificate belong together."""
    if isinstance(secret, Password):
        return {secret.key: secrets.token_hex(20)}
    issuer = "plinth gateway" if isinstance(secret, GatewayCertificate) else "plinth webhooks"
    return dict(zip(secret.keys, certificate(secret.names, issuer), strict=True))


def renewal(secret: Secret, today: datetime.date) -> int | str | None:
    """Return a value that changes when an update must renew the secret; None if nothing but a user does."""
    if isinstance(secret, Password):
        return None
    period = today.toordinal() // _RENEWED_DAYS
    # The names of webhooks never change; those of the gateway follow the settings.
    return f"{period} {' '.join(secret.names)}" if isinstance(secret, GatewayCertificate) else period


def certificate(names: Sequence[str], issuer: str) -> tuple[str, str, str]:
    """Return a certificate authority, a certificate for names or addresses and its key, as PEM.

    The authority's key is discarded: whoever trusts the authority trusts this one certificate.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    # Strict clients, as Python's from 3.13 on, ask for every one of these extensions.
    authority = (
        _builder(common, common, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    signed = (
        _builder(x509.Name([]), common, key.public_key())
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return authority.public_bytes(encoding).decode(), signed.public_bytes(encoding).decode(), private


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what a key is for: an authority's signs certificates, a server's signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


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
