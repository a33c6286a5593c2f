"""Secrets of parts: generated once per stack and kept, encrypted, in its state."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Password:
    """A random value."""

    key: str
    """Configuration key of a value that the user chooses, without the project's prefix."""

    @property
    def name(self) -> str:
        """Name in the state, and on the command line."""
        return self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """Every configuration key of the secret."""
        return (self.key,)


@dataclass(frozen=True, kw_only=True)
class WebhookCertificate:
    """Authority, certificate and key with which one controller serves webhooks to the API server."""

    name: str
    """Name in the state, on the command line, and in the recording rule of its expiry."""
    prefix: str
    """Prefix of its three configuration keys."""
    host: Callable[[], str]
    """Returns the host name that the certificate is issued for."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the certificate is issued for."""
        return (self.host(),)

    @property
    def keys(self) -> tuple[str, str, str]:
        """The configuration keys of authority, certificate and key."""
        return f"{self.prefix}Authority", f"{self.prefix}Certificate", f"{self.prefix}Key"


@dataclass(frozen=True, kw_only=True)
class GatewayCertificate:
    """Authority, certificate and key with which the gateway serves TLS; other names make another one."""

    names: tuple[str, ...]
    """Hosts, wildcards and addresses that the certificate is issued for."""

    @property
    def name(self) -> str:
        """Name in the state, on the command line, and in the recording rule of its expiry."""
        return "gateway-certificate"

    @property
    def keys(self) -> tuple[str, str, str]:
        """The keys of authority, certificate and key."""
        return "gatewayAuthority", "gatewayCertificate", "gatewayKey"


Certificate = WebhookCertificate | GatewayCertificate
Secret = Password | Certificate
