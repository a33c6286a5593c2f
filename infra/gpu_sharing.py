"""GPU pools and teams of the settings, as the components that schedule them take them."""

from collections.abc import Sequence

from components.gpus.gpu_queues import GpuPool, GpuTeam, Mig, TimeSlicing
from infra.settings import pools as pool_settings
from infra.settings.pool_rules import devices_per_node
from infra.settings.pools import GpuPoolSettings, TeamSettings


def pools(settings: Sequence[GpuPoolSettings]) -> tuple[GpuPool, ...]:
    """Return the pools; their instance types were checked with the settings."""
    return tuple(
        GpuPool(
            name=pool.name,
            devices_per_node=devices_per_node(pool) or 0,
            max_nodes=pool.max,
            sharing=sharing(pool),
        )
        for pool in settings
    )


def sharing(pool: GpuPoolSettings) -> Mig | TimeSlicing | None:
    """Return how the GPUs of a pool are divided; `None` for whole ones."""
    match pool.sharing:
        case pool_settings.MigSharing(profile=profile):
            return Mig(profile=profile)
        case pool_settings.TimeSlicing(replicas=replicas):
            return TimeSlicing(replicas=replicas)
        case None:
            return None


def teams(settings: Sequence[TeamSettings]) -> tuple[GpuTeam, ...]:
    """Return the teams."""
    return tuple(
        GpuTeam(
            name=team.name,
            quota=team.gpu_quota,
            borrowing=team.borrowing,
            borrowing_limit=team.borrowing_limit,
        )
        for team in settings
    )
