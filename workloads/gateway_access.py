"""Connections to the gateway, which never pass through an HTTP proxy and need no DNS.

Without TLS, clients of this package reach the gateway at its address and name the part of the platform in
the Host header. A proxy takes the host from the URL instead, so that the request would miss its part. So
`http_proxy` is ignored for the gateway, and for the gateway alone: clients of a cloud's APIs obey it and
`no_proxy`.

With TLS, URLs have the part's own name, by which every client asks for the certificate and verifies it. This
process resolves such a name to the gateway's address, so that it is reached before there is a DNS record.
Where the gateway has an authority of its own, clients of the gateway trust that one alone.
"""

import os
import socket
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from workloads import tokens
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_EXEMPT = "no_proxy"
_SECONDS: Final = 5
_HOST_MISMATCH: Final = 62  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH
# Name -> address, as a line of /etc/hosts would have them.
_ADDRESSES: Final[dict[str, str]] = {}
_VERIFIED: Final[set[str]] = set()


def reach(endpoints: Endpoints, host: str) -> str:
    """Return the URL of a host of the gateway, to which clients of this process can then connect.

    Raises:
        WorkloadsError: the gateway's certificate is for another name, or of an unknown authority.
    """
    url = endpoints.url(host)
    if url.startswith("https:"):
        if endpoints.gateway_address:
            _resolve(host, endpoints.gateway_address)
        _verify(url, endpoints)
    return url


def headers(endpoints: Endpoints, host: str) -> dict[str, str]:
    """Return the headers of every request to a host: its name, and a token if the platform has a login.

    Raises:
        WorkloadsError: the login at the issuer has ended, or the Kubernetes API issues no token.
    """
    return {"Host": host, **tokens.headers(endpoints)}


def direct_session(endpoints: Endpoints, host: str) -> requests.Session:
    """Return a session for the URL of a host, which sends this Host header and connects directly.

    Raises:
        WorkloadsError: the gateway's certificate is for another name, or of an unknown authority.
    """
    reach(endpoints, host)
    session = requests.Session()
    session.headers.update(headers(endpoints, host))
    session.trust_env = False
    session.verify = authorities(endpoints)
    return session


def tls_context(endpoints: Endpoints) -> ssl.SSLContext:
    """Return a context that verifies the gateway by the same authorities as `direct_session` does."""
    return ssl.create_default_context(cafile=authorities(endpoints))


def exempt_from_proxies(url: str) -> None:
    """Let this process reach a URL of the gateway directly also with clients that have no setting for it.

    Their one common setting is the list of exemptions in the environment; the URL's host is added to it.
    """
    host = urlsplit(url).hostname or ""
    known = os.environ.get(_EXEMPT) or os.environ.get(_EXEMPT.upper(), "")
    exempt = [each for each in known.split(",") if each]
    if host not in exempt:
        os.environ[_EXEMPT] = ",".join([*exempt, host])


def authorities(endpoints: Endpoints) -> str:
    """Return the file of the gateway's own authority, or else of those that `requests` trusts.

    Raises:
        WorkloadsError: the gateway has one, whose file is not there.
    """
    own = endpoints.gateway_authority
    if own and not Path(own).is_file():
        raise WorkloadsError(
            f"authority of the gateway: {own} does not exist; `python -m infra outputs` writes it"
        )
    return own or os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH


def _remedy(error: ssl.SSLCertVerificationError, endpoints: Endpoints) -> str:
    if endpoints.gateway_authority:
        return "run `make up`, which renews it, or read the stack's outputs again"
    if error.verify_code == _HOST_MISMATCH:
        return f"set plinth:gateway.certificateArn to a certificate for *.{endpoints.gateway_domain}"
    return "if its authority is your own, name a file with it in REQUESTS_CA_BUNDLE"


def _resolve(host: str, address: str) -> None:
    """Resolve a name to an address in this process alone, for every client: few have a setting for it."""
    if not _ADDRESSES:
        system = socket.getaddrinfo

        def look_up(name: Any, *rest: Any, **options: Any) -> Any:
            return system(_ADDRESSES.get(name, name), *rest, **options)

        socket.getaddrinfo = look_up
    _ADDRESSES[host] = address


def _verify(url: str, endpoints: Endpoints) -> None:
    """Verify the certificate of a URL once: clients bury the reason in their errors, or retry for minutes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if url in _VERIFIED:
        return
    try:
        with (
            socket.create_connection((host, parts.port or 443), timeout=_SECONDS) as connection,
            tls_context(endpoints).wrap_socket(connection, server_hostname=host),
        ):
            _VERIFIED.add(url)
    except ssl.SSLCertVerificationError as error:
        raise WorkloadsError(
            f"{url}: its certificate is refused ({error.verify_message}): {_remedy(error, endpoints)}"
        ) from None
    except OSError:
        # A gateway that is down or starting: the client says so, or tries again.
        return
