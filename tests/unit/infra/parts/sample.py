"""Parts small enough to check how parts fit together."""

from dataclasses import dataclass, replace
from typing import Any

from components.access.roles import Access
from infra.parts.part import Connections, Part, Provides
from infra.parts.records import Route
from infra.settings import reader
from infra.settings.stack import Settings

SETTINGS = reader.parse({"cluster": {"kind": "kubeconfig", "name": "local"}})


@dataclass(frozen=True)
class Left:
    """A connection."""


@dataclass(frozen=True)
class Right:
    """Another connection."""


_ACCESS = Access(group="plinth.dev", resource="samples")


def nothing(_: Any, __: Connections) -> Provides:
    """Deploy nothing."""
    return Provides()


def route(host: str, namespace: str = "n") -> Route:
    """Return a route to a host."""
    return Route(host=host, title="title", description="description", namespace=namespace, access=_ACCESS)


def part(name: str, **fields: Any) -> Part:
    """Return a part that deploys nothing."""
    return replace(Part(name=name, deploy=nothing), **fields)


def unwanted(_: Settings) -> bool:
    """Leave a part out of every stack."""
    return False
