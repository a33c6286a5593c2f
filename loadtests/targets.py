"""Permitted targets of load: this machine's own cluster and nothing else."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from loadtests.errors import LoadtestError


def private_addresses(given: Iterable[str]) -> frozenset[str]:
    """Check addresses that the caller declares to belong to this machine's own cluster.

    Raises:
        LoadtestError: one is not an IP address of a private network, as the link of a cluster is.
    """
    checked: set[str] = set()
    for text in given:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or not address.is_private or address.is_unspecified or address.is_link_local:
            raise LoadtestError(f"own address {text!r}: not a private IP address; give the node's")
        checked.add(str(address))
    return frozenset(checked)


def permitted(url: str, own: frozenset[str]) -> str:
    """Return a target without its trailing slash, if it is permitted.

    Host names are rejected, even those that resolve to loopback now: that may change.

    Raises:
        LoadtestError: the target is not an address of this machine's own cluster.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise LoadtestError(f"target {url!r}: not a URL ({error}); give http://ADDRESS:PORT") from None
    if (
        parts.scheme not in ("http", "https")
        or parts.username is not None
        or parts.path not in ("", "/")
        or parts.query
    ):
        raise LoadtestError(f"target {url!r}: not a bare address; give http://ADDRESS:PORT")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not (address.is_loopback or str(address) in own):
        allowed = ", ".join(["loopback", *sorted(own)])
        raise LoadtestError(
            f"target {url!r}: not this machine's own cluster; only its addresses are permitted ({allowed})"
        )
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{parts.scheme}://{host}:{port}" if port else f"{parts.scheme}://{host}"
