"""The certificate authorities of Amazon RDS: that of a region signs the certificates of its servers."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

IDENTIFIER: Final = "rds-ca-rsa2048-g1"
"""Name by which RDS is asked for a certificate of these authorities."""
SOURCE: Final = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
_FILE: Final = Path(__file__).with_name("rds-authorities.pem")
_ENTRY = re.compile(r"^# (\S+)\n(-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----\n)", re.M | re.S)


@cache
def authorities() -> Mapping[str, str]:
    """Return region -> certificate of its authority, as PEM."""
    return dict(_ENTRY.findall(_FILE.read_text()))


def authority(region: str) -> str:
    """Return the certificate of a region's authority.

    Raises:
        ValueError: the file does not contain the region.
    """
    known = authorities()
    if region not in known:
        raise ValueError(
            f"region: {region}; {_FILE.name} has no certificate authority of RDS for it: add the one named "
            f"RSA2048 G1 from {SOURCE}"
        )
    return known[region]
