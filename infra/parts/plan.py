"""The parts of one stack, validated against each other, and every list derived from them."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.connections import Bucket, GatewayConnection
from infra.errors import SettingsError
from infra.parts.part import Part
from infra.parts.records import ManagedBucket, ManagedDatabase, Route, State, Volume
from infra.parts.secrets import Certificate, Password, Secret
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The parts of one stack in order of deployment."""

    settings: Settings
    parts: tuple[Part, ...]
    every_image: tuple[str, ...]
    """Short names of the images of all parts, also of those that the stack does not have."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces to create before the first part is deployed, sorted."""
        return tuple(sorted(name for part in self.parts for name in part.namespaces))

    @property
    def closed_namespaces(self) -> tuple[str, ...]:
        """Every namespace that denies traffic by default, sorted."""
        own = (name for part in self.parts for name in part.own_namespaces(self.settings))
        return tuple(sorted({*self.namespaces, *own}))

    @property
    def images(self) -> tuple[str, ...]:
        """Short names of the images that the stack uses."""
        return tuple(
            sorted(
                {
                    name
                    for part in self.parts
                    for name in part.images
                    if name not in part.unused_images(self.settings)
                }
            )
        )

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Secrets to generate for the stack."""
        return tuple(secret for part in self.parts for secret in part.all_secrets(self.settings))

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Certificates whose expiry is monitored."""
        return tuple(each for each in self.secrets if not isinstance(each, Password))

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Buckets of the object store."""
        folders = [folder for part in self.parts for folder in part.folders]
        return tuple(
            dataclasses.replace(bucket, folders=tuple(each for each in folders if each.bucket == bucket.name))
            for part in self.parts
            for bucket in part.buckets
        )

    @property
    def routes(self) -> tuple[Route, ...]:
        """Hosts that the gateway routes."""
        return tuple(route for part in self.parts for route in part.routes(self.settings))

    @property
    def state(self) -> tuple[State, ...]:
        """Everything that stores data."""
        return tuple(state for part in self.parts for state in part.state(self.settings))

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """State on volumes of the cluster."""
        return tuple(each for each in self.state if isinstance(each, Volume))

    @property
    def databases(self) -> tuple[ManagedDatabase, ...]:
        """State in databases that the cloud runs."""
        return tuple(each for each in self.state if isinstance(each, ManagedDatabase))

    @property
    def managed_buckets(self) -> tuple[ManagedBucket, ...]:
        """State in buckets of the cloud."""
        return tuple(each for each in self.state if isinstance(each, ManagedBucket))

    def watch(self) -> "Watch":
        """Return targets, rules and dashboards of the whole stack."""
        from components.monitoring import watch

        return watch.merged(part.watch(self.settings) for part in self.parts if part.watch)

    def clients(self, part: str) -> tuple[str, ...]:
        """Return the namespaces whose pods open connections to a part, the gateway's included."""
        (named,) = [each for each in self.parts if each.name == part]
        found = {name for kind in named.provides for each in self.parts for name in _opened(each, kind)}
        if named.routes(self.settings):
            found |= set(self.servers(GatewayConnection))
        return tuple(sorted(found))

    def servers(self, *connections: type) -> tuple[str, ...]:
        """Return the namespaces of the pods behind connections; one outside the cluster has none."""
        return tuple(
            sorted(
                {
                    name
                    for part in self.parts
                    for name in part.pods_in
                    if any(kind in connections for kind in part.provides)
                }
            )
        )


def _opened(part: Part, connection: type) -> Iterator[str]:
    """Yield the namespaces from which a part opens connections of a type."""
    for need in part.needs:
        if need.connection is connection:
            yield from part.pods_in if need.namespaces is None else need.namespaces


def plan(settings: Settings, parts: Sequence[Part]) -> Plan:
    """Return the parts of a stack.

    Raises:
        SettingsError: two parts claim the same name, or a need is not met; one line.
    """
    chosen = [part for part in parts if part.wanted(settings)]
    made = Plan(
        settings=settings,
        parts=tuple(each for part in chosen for each in (part, *part.per_team(settings))),
        every_image=tuple(sorted({name for part in parts for name in part.images})),
    )
    problems = [*_collisions(made, parts), *_unmet(made)]
    if problems:
        raise SettingsError("; ".join(problems))
    return made


def _collisions(made: Plan, parts: Sequence[Part]) -> Iterator[str]:
    settings = made.settings
    yield from _claimed_twice("name", ((part, part.name) for part in made.parts))
    yield from _namespace_collisions(made, parts)
    yield from _claimed_twice("image", ((part, name) for part in made.parts for name in part.images))
    hosts = ((part, route.host) for part in made.parts for route in part.routes(settings))
    yield from _claimed_twice("host", hosts)
    yield from _claimed_twice(
        "secret",
        ((part, key) for part in made.parts for secret in part.all_secrets(settings) for key in secret.keys),
    )
    yield from _claimed_twice(
        "connection", ((part, kind.__name__) for part in made.parts for kind in part.provides)
    )
    yield from _claimed_twice("bucket", ((part, each.name) for part in made.parts for each in part.buckets))


def _namespace_collisions(made: Plan, parts: Sequence[Part]) -> Iterator[str]:
    own = [(part, name) for part in made.parts for name in part.own_namespaces(made.settings)]
    yield from _claimed_twice("namespace", ((part, name) for part in made.parts for name in part.namespaces))
    yield from _claimed_twice("namespace", own)
    # Absent parts count too: a team with the namespace of one would block it from being enabled later.
    reserved = {name: part for part in parts for name in part.namespaces}
    for part, name in own:
        if name in reserved:
            yield (
                f"part {part.name}: namespace {name} is reserved for part {reserved[name].name}: "
                "choose another name"
            )
        if name == "default" or name.startswith("kube-"):
            yield f"part {part.name}: namespace {name} belongs to Kubernetes: choose another name"


def _claimed_twice(kind: str, claims: Iterable[tuple[Part, str]]) -> Iterator[str]:
    known = list(claims)
    for value, count in Counter(value for _, value in known).items():
        if count > 1:
            owners = " and ".join(part.name for part, claimed in known if claimed == value)
            yield f"parts {owners} both claim the {kind} {value}: give one of them another"


def _unmet(made: Plan) -> Iterator[str]:
    """Yield each need that no earlier part meets."""
    position = {kind: number for number, part in enumerate(made.parts) for kind in part.provides}
    for number, part in enumerate(made.parts):
        for need in part.needs:
            kind, provider = need.connection, position.get(need.connection)
            if provider is None and need.optional:
                continue
            if provider is None:
                yield f"part {part.name} needs {kind.__name__}, which no part of this stack provides"
            elif provider >= number:
                other = made.parts[provider]
                mutual = {need.connection for need in other.needs} & set(part.provides)
                yield (
                    f"parts {part.name} and {other.name} need each other: one of them must do without"
                    if mutual
                    else f"part {part.name} needs {kind.__name__} of part {other.name}, which comes later: "
                    "move it in front in infra/parts/__init__.py"
                )
