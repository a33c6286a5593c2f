"""Where load may go: this machine's own cluster and nowhere else."""

import ipaddress
import json
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.errors import LoadtestError


def own_addresses(kubeconfig: str) -> frozenset[str]:
    """Return the addresses of the cluster's own network, from the endpoints file beside its kubeconfig.

    None where there is no such file: the cluster is not one of this machine.
    """
    file = Path(kubeconfig).with_name("endpoints.json")
    try:
        address = ipaddress.ip_address(str(json.loads(file.read_text())["node_ip"]))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
    # The cluster's link is a private network of this machine; anything else was not written by it.
    return frozenset({str(address)}) if address.is_private else frozenset()


def permitted(url: str, own: frozenset[str]) -> str:
    """Return a target without its trailing slash, if load may go there.

    Names are refused, also those that resolve to loopback today: what they resolve to is not ours to say.

    Raises:
        LoadtestError: the target is anything but an address of this machine's own cluster.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise LoadtestError(f"target {url!r}: not a URL ({error}); give http://ADDRESS:PORT") from None
    if parts.scheme != "http" or parts.username is not None or parts.path not in ("", "/") or parts.query:
        raise LoadtestError(f"target {url!r}: not a plain address; give http://ADDRESS:PORT")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not (address.is_loopback or str(address) in own):
        allowed = ", ".join(["loopback", *sorted(own)])
        raise LoadtestError(
            f"target {url!r}: not this machine's own cluster; load goes to its addresses alone ({allowed})"
        )
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{shown}:{port}" if port else f"http://{shown}"
