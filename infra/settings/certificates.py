"""Certificates in settings: whether a text holds those of authorities. No message repeats what was given."""

from typing import Final

from cryptography import x509

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"


def authority_problem(text: str) -> str:
    """Return why a text is not the certificates of authorities as PEM; empty if it is."""
    if "PRIVATE KEY-----" in text:
        return "holds a private key: remove it, and give the certificate alone"
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return f"is no certificate: give PEM, from {_BEGIN} to the end, as `|` keeps it in YAML"
    others = [each for each in found if not _is_authority(each)]
    if others:
        name = others[0].subject.rfc4514_string()
        return (
            f"is the certificate of {name}, which is no authority: give that of the authority which signed it"
        )
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        # Authorities of the first version of X.509 have no extensions.
        return certificate.version is x509.Version.v1
    except ValueError:
        return False
    return constraints.value.ca
