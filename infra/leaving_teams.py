"""Teams that a stack has and its settings no longer name: a protected stack keeps what they hold."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from infra.errors import InfraError
from infra.parts.tenant import Tenant
from infra.settings.stack import Settings

_PROFILE: Final = "plinth:index:TeamProfile"


def require_none(stack: str, settings: Settings, resources: Iterable[Mapping[str, Any]]) -> None:
    """Refuse to go on if a team with data would be removed from a protected stack.

    The engine refuses to delete a bucket, but only after it has changed everything else, and it does not
    refuse to delete a namespace with volumes and models.

    Args:
        stack: name of the stack.
        settings: what it shall be.
        resources: what the engine's state records.

    Raises:
        InfraError: names each such team and what it holds; one line.
    """
    known = [*resources]
    if not (settings.protect or any(each.get("protect") for each in known)):
        return
    named = {each.name for each in settings.teams}
    leaving = [each for each in _teams(known) if each not in named]
    if leaving:
        held = "; ".join(f"{each} holds {', '.join(_holds(Tenant(team=each), known))}" for each in leaving)
        raise InfraError(
            f"stack {stack}: its settings leave out a team, and the stack is protected: {held}. Put it "
            "back, or run `up` once with plinth:protect set to false and the team still there"
        )


def _teams(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in resources:
        if each["type"] == _PROFILE:
            yield each["inputs"]["team"]


def _holds(tenant: Tenant, resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield f"namespace {tenant.runs_namespace} with its volumes and models"
    kinds = {(each["type"], _name(each)) for each in resources}
    if ("kubernetes:core/v1:Namespace", tenant.servers_namespace) in kinds:
        yield f"databases {' and '.join(tenant.databases)}"
        yield f"bucket {tenant.bucket}"


def _name(resource: Mapping[str, Any]) -> str:
    return ((resource.get("outputs") or {}).get("metadata") or {}).get("name", "")
