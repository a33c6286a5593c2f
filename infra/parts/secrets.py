"""Secrets of parts: generated once per stack and stored encrypted in its configuration."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Password:
    """A random value under one configuration key."""

    key: str
    """Configuration key, without the project's prefix."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Every configuration key of the secret."""
        return (self.key,)


@dataclass(frozen=True, kw_only=True)
class WebhookCertificate:
    """Authority, certificate and key with which one controller serves webhooks to the API server."""

    name: str
    """Name in the recording rule of its expiry."""
    prefix: str
    """Prefix of its three configuration keys."""
    host: Callable[[], str]
    """Returns the host name that the certificate is issued for."""

    @property
    def keys(self) -> tuple[str, str, str]:
        """The configuration keys of authority, certificate and key."""
        return f"{self.prefix}Authority", f"{self.prefix}Certificate", f"{self.prefix}Key"


Secret = Password | WebhookCertificate
