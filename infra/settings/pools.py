"""Settings of GPU node pools, and of the teams that share them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.cluster import CapacityType
from infra.settings.sections import Section


class Provisioner(StrEnum):
    """Who starts and stops a pool's nodes."""

    NODE_GROUP = "nodeGroup"
    KARPENTER = "karpenter"


class MigSharing(Section):
    """Each GPU cut into isolated devices, all of one profile."""

    kind: Literal["mig"]
    profile: Annotated[str, Field(pattern=r"^[1-7]g\.\d+gb$")]


class TimeSlicing(Section):
    """Each GPU lent to several pods in turn; they share its memory, so never across teams."""

    kind: Literal["timeSlicing"]
    replicas: int = Field(ge=2, le=48)


Sharing = Annotated[MigSharing | TimeSlicing, Field(discriminator="kind")]


class GpuPoolSettings(Section):
    """One kind of GPU nodes."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$")]
    provisioner: Provisioner = Field(default=Provisioner.NODE_GROUP, strict=False)
    instance_types: tuple[str, ...] = Field(strict=False, min_length=1)
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, strict=False)
    reservation: Annotated[str, Field(pattern=r"^cr-[0-9a-f]{17}$")] | None = None
    """A capacity reservation or capacity block that pays for the nodes."""
    zones: tuple[str, ...] = Field(default=(), strict=False)
    """Where nodes may be; without it wherever the cluster is."""
    min: int = Field(default=0, ge=0, le=1000)
    max: int = Field(ge=1, le=1000)
    disk_gib: int = Field(default=200, ge=100, le=16384)
    efa: bool = False
    """Elastic Fabric Adapters, for training across nodes."""
    placement_group: bool = False
    """Nodes close together, in one zone."""
    sharing: Sharing | None = None


class TeamSettings(Section):
    """Who shares the GPUs."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$")]
    gpu_quota: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Pool -> GPUs (with sharing: devices) that are the team's whenever it wants them."""
    borrowing: bool = True
    """Whether the team may use what others leave idle."""
    borrowing_limit: int | None = Field(default=None, ge=0)
    """At most so many GPUs of each pool beyond its own; without it all that are idle."""
