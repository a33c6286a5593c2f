"""Rules for teams: names that would collide somewhere, and groups that nobody could be in."""

from collections.abc import Iterator

from infra.settings.identity import IdentityKind
from infra.settings.sections import mib
from infra.settings.stack import Settings
from infra.settings.teams import TeamSettings
from workloads.contract import Host

_MODELS = "models"
# Names that MLflow takes for paths of its own; a team is a workspace there.
_SHORTEST = 2
_PATHS = ("api", "ajax-api", "static-files", "workspaces")
# What one run needs at once that replaces a model: a step, and both versions of the model.
LEAST_MEMORY = "1Gi"
LEAST_PODS = 3


def problems(settings: Settings) -> Iterator[str]:
    """Yield one clause for each team that could not be told apart from another, or that nobody could use."""
    names = dict.fromkeys(each.name for each in settings.teams)
    reserved = {host.value for host in Host}
    for each in settings.teams:
        # A team with pipelines has a workspace of its name.
        if each.pipelines and len(each.name) < _SHORTEST:
            yield f"teams names {each.name}, but a workspace of MLflow has two characters or more"
    for name in names:
        if name in reserved:
            yield f"teams names {name}, which is a host of the platform: choose another name"
        if name in _PATHS:
            yield f"teams names {name}, which is a path of MLflow: choose another name"
        # A model's host is its name, a dash and its namespace.
        for other in (*names, _MODELS):
            if name.endswith(f"-{other}"):
                yield (
                    f"teams names {name}, which ends like {other}: hosts of their models could be the same; "
                    "choose another name"
                )
    yield from _group_problems(settings)
    for team in settings.teams:
        yield from _quota_problems(team)


def _quota_problems(team: TeamSettings) -> Iterator[str]:
    if team.quota is None or not team.pipelines:
        return
    memory, pods = team.quota.memory, team.quota.pods
    for key, given, least, short in (
        ("memory", memory, LEAST_MEMORY, memory is not None and mib(memory) < mib(LEAST_MEMORY)),
        ("pods", pods, LEAST_PODS, pods is not None and pods < LEAST_PODS),
    ):
        if short:
            yield (
                f"teams.{team.name}.quota.{key} is {given}, and a run that replaces a model never ends with "
                f"it: give at least {least}, or leave it out"
            )


def _group_problems(settings: Settings) -> Iterator[str]:
    named = [
        f"teams.{each.name}.{key}"
        for each in settings.teams
        for key in ("members", "promoters", "viewers", "callers")
        if getattr(each, key)
    ]
    for key in named:
        if settings.identity.kind is not IdentityKind.OIDC:
            yield f"{key} names groups, but identity.kind is {settings.identity.kind}: use kind: oidc"
