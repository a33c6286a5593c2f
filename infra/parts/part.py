"""A part of the platform as one record: what it consists of, what it needs, and how it is deployed.

Everything that is known without a cluster is a field, so that `infra images`, preflight and cost need no
engine. Deploy functions import their components locally: the command line reads these records too, and
importing the SDKs of Kubernetes and AWS would cost every command two seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from components.connections import Bucket, Folder
from infra.parts.records import Route, State
from infra.parts.secrets import Secret
from infra.settings.stack import Settings

if TYPE_CHECKING:
    import pulumi

    from components.monitoring.watch import Watch
    from infra.parts.site import Site

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Need:
    """A connection that a part needs from another part."""

    connection: type
    """Type of the connection: a record in `components.connections`."""
    namespaces: tuple[str, ...] | None = None
    """Namespaces whose pods open the connection; the part's own by default."""
    optional: bool = False
    """Whether the part also works in a stack where no part provides it."""


@dataclass(frozen=True, kw_only=True)
class Provides:
    """Result of deploying a part."""

    connections: tuple[object, ...] = ()
    """One record for each type in `Part.provides`."""
    outputs: Mapping[str, "pulumi.Input[object]"] = field(default_factory=dict[str, "pulumi.Input[object]"])
    """Stack outputs by name."""
    resources: tuple["pulumi.Resource", ...] = ()
    """Resources that other parts can wait for until this part is running."""


class Connections:
    """Connections of all parts deployed so far."""

    def __init__(self) -> None:
        self._provided: dict[type, tuple[object, tuple[pulumi.Resource, ...]]] = {}

    def add(self, provided: Provides) -> None:
        """Add the connections of a part."""
        for each in provided.connections:
            self._provided[type(each)] = (each, provided.resources)

    def get(self, connection: type[T]) -> T:
        """Return the connection of a type; `Plan` has checked that some part provides it."""
        return cast("T", self._provided[connection][0])

    def find(self, connection: type[T]) -> T | None:
        """Return the connection of a type, or None where an optional need is not met."""
        return self.get(connection) if connection in self._provided else None

    def resources(self, connection: type) -> tuple["pulumi.Resource", ...]:
        """Return the resources to wait for until the part behind a connection is running."""
        return self._provided[connection][1]


def _always(_: Settings) -> bool:
    return True


def _nothing(_: Settings) -> tuple[()]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the platform."""

    name: str
    deploy: "Callable[[Site, Connections], Provides]"
    """Creates the part's components; called after the parts that it needs."""
    wanted: Callable[[Settings], bool] = _always
    """Whether a stack has the part."""
    needs: tuple[Need, ...] = ()
    provides: tuple[type, ...] = ()
    """Types of the connections that `deploy` returns."""
    namespaces: tuple[str, ...] = ()
    """Namespaces created for it before any part is deployed; they deny traffic by default."""
    own_namespaces: Callable[[Settings], tuple[str, ...]] = _nothing
    """Further namespaces, which its components create themselves."""
    runs_in: tuple[str, ...] = ()
    """Namespaces of its pods, if these are not `namespaces`."""
    images: tuple[str, ...] = ()
    """Short names of the images that it adds to a stack; it may also use images of other parts."""
    unused_images: Callable[[Settings], tuple[str, ...]] = _nothing
    """Those of `images` that the settings of a stack leave out."""
    secrets: tuple[Secret, ...] = ()
    """Secrets that every stack keeps, so that the part can be enabled later, or again."""
    own_secrets: Callable[[Settings], tuple[Secret, ...]] = _nothing
    """Further ones, which follow from the settings."""
    buckets: tuple[Bucket, ...] = ()
    """Buckets that the object store creates for it."""
    folders: tuple[Folder, ...] = ()
    """What it reads of buckets of other parts."""
    routes: Callable[[Settings], tuple[Route, ...]] = _nothing
    watch: "Callable[[Settings], Watch] | None" = None
    """Scrape targets, rules and dashboards."""
    state: Callable[[Settings], tuple[State, ...]] = _nothing
    """Where it stores data; preflight and cost count these."""
    per_team: "Callable[[Settings], tuple[Part, ...]]" = _nothing
    """Further parts, which come right after it: one for each team of the settings."""

    @property
    def pods_in(self) -> tuple[str, ...]:
        """Namespaces of the part's pods."""
        return self.runs_in or self.namespaces

    def all_secrets(self, settings: Settings) -> tuple[Secret, ...]:
        """Return the part's secrets in a stack."""
        return (*self.secrets, *self.own_secrets(settings))
