"""Choices for a GPU pool that exclude each other: AWS or a component would refuse or ignore one of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from infra.settings.cluster import CapacityType
from infra.settings.pools import GpuPoolSettings, MigSharing, Provisioner

# A choice as an error names it -> whether a pool has made it.
_CHOICES: Final[Mapping[str, Callable[[GpuPoolSettings], bool]]] = {
    "capacityType SPOT": lambda pool: pool.capacity_type is CapacityType.SPOT,
    "efa: true": lambda pool: pool.efa,
    "min above 0": lambda pool: pool.min > 0,
    "placementGroup: true": lambda pool: pool.placement_group,
    "provisioner karpenter": lambda pool: pool.provisioner is Provisioner.KARPENTER,
    "reservation": lambda pool: pool.reservation is not None,
    "sharing": lambda pool: pool.sharing is not None,
    "sharing mig": lambda pool: isinstance(pool.sharing, MigSharing),
}


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Two choices that exclude each other."""

    one: str
    other: str
    reason: str
    """Why, and what to do instead."""

    def __post_init__(self) -> None:
        """Reject a choice that no pool can make: it would exclude nothing."""
        for choice in (self.one, self.other):
            if choice not in _CHOICES:
                raise ValueError(f"{choice}: no such choice; there are {', '.join(_CHOICES)}")


EXCLUSIONS: Final = (
    Exclusion(
        one="min above 0",
        other="provisioner karpenter",
        reason="Karpenter removes idle nodes; set min to 0 or provisioner to nodeGroup",
    ),
    Exclusion(
        one="placementGroup: true",
        other="provisioner karpenter",
        reason="the pool's component makes one for node groups alone; set provisioner to nodeGroup",
    ),
    Exclusion(
        one="efa: true",
        other="provisioner karpenter",
        reason="Karpenter gives adapters to nodes of pods that ask alone; set provisioner to nodeGroup",
    ),
    Exclusion(
        one="sharing",
        other="provisioner karpenter",
        reason="Karpenter counts whole GPUs and would start a node for each slice; "
        "set provisioner to nodeGroup",
    ),
    Exclusion(
        one="efa: true",
        other="sharing mig",
        reason="slices of a GPU cannot use adapters; leave out one of them",
    ),
    Exclusion(
        one="reservation",
        other="capacityType SPOT",
        reason="reserved is never spot; use ON_DEMAND or CAPACITY_BLOCK",
    ),
)


def problems(pool: GpuPoolSettings) -> Iterator[str]:
    """Yield one clause for each pair of a pool's choices that exclude each other."""
    for each in EXCLUSIONS:
        if _CHOICES[each.one](pool) and _CHOICES[each.other](pool):
            yield f"{each.one} with {each.other}: {each.reason}"
