"""A part of the platform as one record: what it is made of, what it needs, and how it is deployed.

Everything that is known without a cluster is a field, so that images, preflight and cost need no engine. A
deploy function imports its components itself: the command line reads these records too, and importing the
SDKs of Kubernetes and AWS would cost each command two seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from components.connections import Bucket
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
    """Record of `components.connections`."""
    namespaces: tuple[str, ...] | None = None
    """Namespaces whose pods open the connection; those that the part runs in if not given."""
    optional: bool = False
    """Whether the part does without it in a stack where no part provides it."""


@dataclass(frozen=True, kw_only=True)
class Provides:
    """What the deployment of a part returns."""

    connections: tuple[object, ...] = ()
    """Records of `components.connections`, one of each type in `Part.provides`."""
    outputs: Mapping[str, "pulumi.Input[object]"] = field(default_factory=dict[str, "pulumi.Input[object]"])
    """Outputs of the stack, by name."""
    resources: tuple["pulumi.Resource", ...] = ()
    """What a part must wait for that needs this one to run, not only to exist."""


class Connections:
    """What the parts deployed so far provide."""

    def __init__(self) -> None:
        self._provided: dict[type, tuple[object, tuple[pulumi.Resource, ...]]] = {}

    def add(self, provided: Provides) -> None:
        """Keep what a part provides."""
        for each in provided.connections:
            self._provided[type(each)] = (each, provided.resources)

    def get(self, connection: type[T]) -> T:
        """Return the connection of a type; `Plan` has checked that some part provides it."""
        return cast("T", self._provided[connection][0])

    def find(self, connection: type[T]) -> T | None:
        """Return the connection of a type, or None where an optional need is not met."""
        return self.get(connection) if connection in self._provided else None

    def resources(self, connection: type) -> tuple["pulumi.Resource", ...]:
        """Return what to wait for until the part behind a connection runs."""
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
    """Makes the part's components; called after every part that it needs."""
    wanted: Callable[[Settings], bool] = _always
    """Whether a stack has the part."""
    needs: tuple[Need, ...] = ()
    provides: tuple[type, ...] = ()
    """Types of the connections that `deploy` returns."""
    namespaces: tuple[str, ...] = ()
    """Namespaces made for it, closed, before anything is deployed."""
    own_namespaces: Callable[[Settings], tuple[str, ...]] = _nothing
    """Closed namespaces that its components make themselves."""
    runs_in: tuple[str, ...] = ()
    """Namespaces of its pods, where these are not `namespaces`."""
    images: tuple[str, ...] = ()
    """Short names of the images that it brings along; it may use those of other parts too."""
    secrets: tuple[Secret, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    """Buckets that the object store makes for it."""
    routes: Callable[[Settings], tuple[Route, ...]] = _nothing
    watch: "Callable[[Settings], Watch] | None" = None
    """What is scraped, its rules and its dashboards."""
    state: Callable[[Settings], tuple[State, ...]] = _nothing
    """Where it keeps data: what preflight and cost count."""

    @property
    def pods_in(self) -> tuple[str, ...]:
        """Namespaces of the part's pods."""
        return self.runs_in or self.namespaces
