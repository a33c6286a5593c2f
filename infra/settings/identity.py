"""Settings of identity: where people sign in, and which of their groups may do what."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.sections import Section

Scope = Annotated[str, Field(pattern=r"^\S+$")]
# Groups of one user are joined by commas on their way from the login, and by bars on that to servers: a name
# with one of them would be two names there.
Group = Annotated[str, Field(pattern=r"^[^:,|\s]([^:,|]*[^:,|\s])?$")]


class IdentityKind(StrEnum):
    """Where people sign in."""

    NONE = "none"
    """Nowhere: whoever reaches the gateway may use everything."""
    LOCAL = "local"
    """One user with a generated password."""
    OIDC = "oidc"
    """The company's OpenID Connect issuer."""


class IdentitySettings(Section):
    """A login in front of every host of the platform, unless `kind` is none."""

    kind: IdentityKind = Field(default=IdentityKind.LOCAL, strict=False)
    """Where people sign in."""
    issuer: Annotated[str, Field(pattern=r"^https://[^\s/]+(/\S*)?$")] | None = None
    """URL of the issuer, whose /.well-known/openid-configuration answers."""
    client_id: str | None = None
    """The platform's name at the issuer; its secret is the stack's secret `identityClientSecret`."""
    public_client_id: str | None = None
    """Its name there for `python -m workloads login`: a client without a secret; by default clientId."""
    scopes: tuple[Scope, ...] = Field(default=("openid", "email", "profile"), strict=False)
    """What the login asks the issuer for; some issuers give groups only for a scope of their own."""
    user_claim: str = "email"
    """Claim of an ID token that names its user."""
    groups_claim: str = "groups"
    """Claim of an ID token that lists the groups of its user."""
    authority: str | None = None
    """Certificate of the company's own authority as PEM, if the issuer's is of one; no other is trusted."""
    members: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may use everything that is published."""
    promoters: tuple[Group, ...] = Field(default=(), strict=False)
    """Of the members, the groups who may say which version of a model is `champion`; by default all."""
    viewers: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may read it."""
    callers: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may call models, and nothing else."""

    @property
    def enabled(self) -> bool:
        """Whether the gateway asks who sends a request."""
        return self.kind is not IdentityKind.NONE
