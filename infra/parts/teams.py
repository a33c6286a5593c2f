"""Teams: a namespace each, its quota and, where the stack has queues, one of these."""

from typing import TYPE_CHECKING

from components.connections import GatewayConnection, TeamNamespaces, TeamQueues, TrackingConnection
from infra.parts import team_services, tenant
from infra.parts.part import Connections, Need, Part, Provides
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from infra.parts.site import Site


def _deploy(site: "Site", connections: Connections) -> Provides:
    import pulumi

    from components.queues import local_queue
    from components.teams import team_profile
    from components.teams.team_profile import TeamProfile, TeamProfileArgs

    queues = connections.find(TeamQueues)
    namespaces: dict[str, pulumi.Input[str]] = {}
    for team in site.settings.teams:
        after = [queues.by_team[team.name]] if queues else []
        # Profiles used to be children of GpuScheduling.
        former = team_profile.alias_below("gpu-scheduling", "plinth:index:GpuScheduling", team.name)
        profile = TeamProfile(
            f"team-{team.name}",
            TeamProfileArgs(
                team=team.name,
                # The tracking server, and the gateway to everything else.
                destinations=({"to": [*site.servers(GatewayConnection, TrackingConnection)]},),
                quota=team.quota.as_kubernetes() if team.quota else None,
                after=tuple(after),
            ),
            pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(aliases=[former])),
        )
        if queues:
            local_queue.deploy(profile.owner, team.name, after=after)
        namespaces[team.name] = profile.namespace
    return Provides(connections=(TeamNamespaces(by_team=namespaces),))


def _wanted(settings: Settings) -> bool:
    return bool(settings.teams)


def _own_namespaces(settings: Settings) -> tuple[str, ...]:
    return tuple(team.name for team in settings.teams)


def _per_team(settings: Settings) -> tuple[Part, ...]:
    return tuple(team_services.part(each) for each in tenant.teams(settings))


TEAMS = Part(
    name="teams",
    deploy=_deploy,
    wanted=_wanted,
    needs=(
        Need(connection=GatewayConnection, namespaces=()),
        Need(connection=TrackingConnection, namespaces=()),
        Need(connection=TeamQueues, namespaces=(), optional=True),
    ),
    provides=(TeamNamespaces,),
    own_namespaces=_own_namespaces,
    per_team=_per_team,
)
