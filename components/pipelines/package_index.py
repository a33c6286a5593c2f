"""Where the pip of pipeline steps finds packages: environment variables, and the way there."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from components.shapes import network_policies
from components.shapes.network_policies import EgressRule

_PORTS = {"http": 80, "https": 443}
PUBLIC: Final[EgressRule] = network_policies.egress([network_policies.anywhere()], _PORTS["https"])
"""The rule that lets steps reach pip's own index, which is no network of anybody's."""


@dataclass(frozen=True, kw_only=True)
class PackageIndex:
    """An index of Python packages that steps install from."""

    url: str
    """URL of its simple API, without credentials: whoever may read pods can read it."""
    networks: tuple[str, ...] = ()
    """Networks that it is in; by default any."""

    def __post_init__(self) -> None:
        """Reject a URL that pip could not use, or that would show a password."""
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"url: {self.url!r} is no index: write http://HOST/PATH/ or https://HOST/PATH/")
        if parts.username or parts.password:
            raise ValueError("url: holds credentials, which every step would show: give an index without")

    @property
    def port(self) -> int:
        """Port of the index."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    def environment(self) -> dict[str, str]:
        """Return the variables by which pip and uv find the index."""
        parts = urlsplit(self.url)
        found = {"PIP_INDEX_URL": self.url, "UV_DEFAULT_INDEX": self.url}
        if parts.scheme == "http":
            # Both refuse an index in clear unless its host is named.
            host = parts.netloc
            found |= {"PIP_TRUSTED_HOST": host, "UV_INSECURE_HOST": host}
        return found

    def egress(self) -> EgressRule:
        """Return the rule that lets steps reach the index and nothing else."""
        peers = [network_policies.addresses(each) for each in self.networks]
        return network_policies.egress(peers or [network_policies.anywhere()], self.port)
