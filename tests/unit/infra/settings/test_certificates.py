"""Certificates in settings: those of authorities pass, and nothing else."""

import re

import pytest

from infra import generated
from infra.settings.certificates import authority_problem

_AUTHORITY, _CHAIN, _KEY = generated.certificate(("login.example.com",), "company")
# The chain of a server: its own certificate alone.
_SERVER = "".join(re.split(r"(?<=-----END CERTIFICATE-----\n)", _CHAIN)[:1])


@pytest.mark.parametrize("text", [_AUTHORITY, _AUTHORITY * 2, f"# of the company\n{_AUTHORITY}"])
def test_certificates_of_authorities_have_no_problem(text: str) -> None:
    assert authority_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no certificate: give PEM, from -----BEGIN CERTIFICATE----- to the end"),
        ("/etc/company.pem", "is no certificate: give PEM"),
        (_AUTHORITY[:-40], "is no certificate: give PEM"),
        (_SERVER, "which is no authority: give that of the authority which signed it"),
        (_AUTHORITY + _SERVER, "which is no authority"),
        (_AUTHORITY + _KEY, "holds a private key: remove it, and give the certificate alone"),
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str, problem: str) -> None:
    found = authority_problem(text)
    assert problem in found
    assert "\n" not in found
    assert "company.pem" not in found
    assert _KEY.splitlines()[1] not in found
