"""Records with which a part describes itself: its routes and its state."""

from dataclasses import dataclass

from components.access.roles import Access


@dataclass(frozen=True, kw_only=True)
class Route:
    """A host that the gateway routes to a part."""

    host: str
    """First label of the host; the gateway's domain follows."""
    title: str
    description: str
    """One line for people who look for the service."""
    namespace: str
    """Namespace of the pods behind it."""
    access: Access
    """What a request to the host asks for, where the stack has a login."""
    rights_in: str = ""
    """Namespace in which RBAC grants it; that of the pods by default."""

    @property
    def rights_namespace(self) -> str:
        """Namespace in which RBAC grants access to it."""
        return self.rights_in or self.namespace


@dataclass(frozen=True, kw_only=True)
class Volume:
    """State on a volume of the cluster."""

    name: str
    size: str
    """Kubernetes quantity."""


@dataclass(frozen=True, kw_only=True)
class ManagedDatabase:
    """State in a database that the cloud runs."""

    name: str
    engine: str
    version: str
    """Major version."""
    instance_class: str
    size: str
    """Kubernetes quantity."""
    multi_az: bool

    def identifier(self, cluster: str) -> str:
        """Return its name in the account: a server is found by it, and its logs are named after it."""
        return f"{cluster}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class ManagedBucket:
    """State in a bucket of the cloud; the stack's prefix comes before the name."""

    name: str


State = Volume | ManagedDatabase | ManagedBucket
