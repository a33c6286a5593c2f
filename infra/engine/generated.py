"""Values that a stack needs and nobody chooses: passwords, and certificates of the controllers' webhooks."""

import datetime
import secrets
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Made once per stack and renewed with it; the API server is the only client.
_VALID_DAYS = 3650
# What `components.kserve_controller` and `components.kueue_controller` call theirs; not imported from there,
# which would cost a second.
WEBHOOK_HOST = "kserve-webhook-server-service.kserve.svc"
QUEUE_WEBHOOK_HOST = "kueue-webhook-service.kueue.svc"
WEBHOOK_KEYS = ("webhookAuthority", "webhookCertificate", "webhookKey")
QUEUE_WEBHOOK_KEYS = ("queueWebhookAuthority", "queueWebhookCertificate", "queueWebhookKey")
_CERTIFICATES = {WEBHOOK_KEYS: WEBHOOK_HOST, QUEUE_WEBHOOK_KEYS: QUEUE_WEBHOOK_HOST}


def values(missing: Iterable[str]) -> dict[str, str]:
    """Return a value for every missing key; a webhook's three belong together and are made together."""
    wanted = list(missing)
    together = {key for keys in _CERTIFICATES for key in keys}
    made = {key: secrets.token_hex(20) for key in wanted if key not in together}
    for keys, host in _CERTIFICATES.items():
        if any(key in keys for key in wanted):
            made |= dict(zip(keys, certificate(host), strict=True))
    return made


def certificate(host: str) -> tuple[str, str, str]:
    """Return an authority of its own, a certificate for the host and its key, as PEM.

    The authority's key is forgotten: nothing else can ever be signed with it.
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
        # Clocks differ: a certificate of this second may be one of the future elsewhere.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
    )
