"""Connections to the gateway, which never pass through an HTTP proxy.

Clients of this package reach the gateway at its address and name the part of the platform in the Host header.
A proxy takes the host from the URL instead, so that the request would miss its part. So `http_proxy` is
ignored for the gateway, and for the gateway alone: clients of a cloud's APIs obey it and `no_proxy`.
"""

import os
from urllib.parse import urlsplit

import requests

_EXEMPT = "no_proxy"


def direct_session(host: str) -> requests.Session:
    """Return a session that sends this Host header and connects directly."""
    session = requests.Session()
    session.headers["Host"] = host
    session.trust_env = False
    return session


def exempt_from_proxies(gateway_url: str) -> None:
    """Let this process reach the gateway directly also with clients that have no setting of their own for it.

    Their one common setting is the list of exemptions in the environment; the gateway is added to it.
    """
    host = urlsplit(gateway_url).hostname or ""
    known = os.environ.get(_EXEMPT) or os.environ.get(_EXEMPT.upper(), "")
    exempt = [each for each in known.split(",") if each]
    if host not in exempt:
        os.environ[_EXEMPT] = ",".join([*exempt, host])
