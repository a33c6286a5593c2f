"""Translates the teams of the settings into those of the component that queues their work."""

from collections.abc import Sequence

from components.queues.team_quotas import QueuedTeam
from infra.settings.teams import TeamSettings


def teams(settings: Sequence[TeamSettings]) -> tuple[QueuedTeam, ...]:
    """Return the teams with their quotas and borrowing limits."""
    return tuple(
        QueuedTeam(
            name=team.name,
            quota=team.gpu_quota,
            cpu_quota=team.cpu_quota,
            borrowing=team.borrowing,
            borrowing_limit=team.borrowing_limit,
            cpu_borrowing_limit=team.cpu_borrowing_limit,
        )
        for team in settings
    )
