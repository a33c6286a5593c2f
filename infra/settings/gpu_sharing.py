"""Translates the GPU pools of the settings into those of the components that schedule them."""

from collections.abc import Sequence

from components.aws import instance_types
from components.gpus.gpu_pools import GpuPool, Mig, TimeSlicing
from infra.settings import pools as pool_settings
from infra.settings.pools import GpuPoolSettings


def pools(settings: Sequence[GpuPoolSettings]) -> tuple[GpuPool, ...]:
    """Return the pools, with as many devices per node as their smallest instance type offers.

    Raises:
        ValueError: an instance type is not known, has no GPU, or lacks the MIG profile; the settings' rules
            refuse such a pool.
    """
    return tuple(
        GpuPool(
            name=pool.name,
            devices_per_node=instance_types.devices_per_node(
                [instance_types.known(name) for name in pool.instance_types], sharing(pool)
            ),
            max_nodes=pool.max,
            sharing=sharing(pool),
        )
        for pool in settings
    )


def sharing(pool: GpuPoolSettings) -> Mig | TimeSlicing | None:
    """Return how each GPU of a pool is divided; `None` for whole GPUs."""
    match pool.sharing:
        case pool_settings.MigSharing(profile=profile):
            return Mig(profile=profile)
        case pool_settings.TimeSlicing(replicas=replicas):
            return TimeSlicing(replicas=replicas)
        case None:
            return None
