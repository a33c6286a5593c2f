"""A fault that only AWS would show, and the class that it belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Class(StrEnum):
    """What faults have in common that one kind of check finds."""

    MADE_BY_AWS = "what AWS makes by itself"
    ORDER = "rights and routes in the wrong order"
    IDENTITIES = "identities late for their pods"
    CONTROLLERS = "controllers that cannot do what they ask for"
    PROMISES = "promises that nobody keeps"
    UPSTREAM = "less than upstream asks for"
    NODE_SCRIPTS = "scripts of nodes"
    CHANGES = "changes that are refused, or that nobody carries out"
    JOBS = "Jobs that never recover"
    TLS = "clear text, and certificates for other names"
    ACCOUNT = "what an account lacks"
    EXCLUSIONS = "settings that exclude each other"
    AVAILABILITY = "alone in production"
    LOGS = "logs that never expire"
    VALUES = "values that AWS refuses"


@dataclass(frozen=True, kw_only=True)
class Fault(Generic[T]):
    """One fault, what is right without it, and the check that finds it."""

    name: str
    kind: Class
    right: Callable[[], T]
    inject: Callable[[T], T]
    """Returns a copy with the fault."""
    find: Callable[[T], Sequence[object]]
    """The check that runs on every stack, or on what every stack uses."""
    says: str
    """Part of what the check says of the fault."""
