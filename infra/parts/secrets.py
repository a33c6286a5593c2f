"""Secrets of parts: values that are generated once per stack and kept encrypted in its configuration."""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi


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
    """An authority, a certificate and its key, with which one controller answers the API server."""

    name: str
    """In the record of when it expires."""
    prefix: str
    """First part of its three configuration keys."""
    host: Callable[[], str]
    """Returns the host that the certificate is issued for."""

    @property
    def keys(self) -> tuple[str, str, str]:
        """The configuration keys of authority, certificate and key."""
        return f"{self.prefix}Authority", f"{self.prefix}Certificate", f"{self.prefix}Key"


Secret = Password | WebhookCertificate


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The values of a `WebhookCertificate`, as PEM."""

    authority: pulumi.Output[str]
    certificate: pulumi.Output[str]
    key: pulumi.Output[str]
