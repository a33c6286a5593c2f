"""Settings of GPU node pools and of the teams that share them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.cluster import CapacityType
from infra.settings.sections import Section


class Provisioner(StrEnum):
    """Component that starts and stops a pool's nodes."""

    NODE_GROUP = "nodeGroup"
    KARPENTER = "karpenter"


class MigSharing(Section):
    """Each GPU is partitioned into isolated devices of one MIG profile."""

    kind: Literal["mig"]
    profile: Annotated[str, Field(pattern=r"^[1-7]g\.\d+gb$")]


class TimeSlicing(Section):
    """Pods take turns on each GPU and share its memory, so only pods of one team may."""

    kind: Literal["timeSlicing"]
    replicas: int = Field(ge=2, le=48)


Sharing = Annotated[MigSharing | TimeSlicing, Field(discriminator="kind")]


class GpuPoolSettings(Section):
    """A pool of nodes with the same kind of GPU."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$")]
    provisioner: Provisioner = Field(default=Provisioner.NODE_GROUP, strict=False)
    instance_types: tuple[str, ...] = Field(strict=False, min_length=1)
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, strict=False)
    reservation: Annotated[str, Field(pattern=r"^cr-[0-9a-f]{17}$")] | None = None
    """Capacity reservation or capacity block that the nodes use."""
    zones: tuple[str, ...] = Field(default=(), strict=False)
    """Zones where nodes may run; by default all zones of the cluster."""
    min: int = Field(default=0, ge=0, le=1000)
    max: int = Field(ge=1, le=1000)
    disk_gib: int = Field(default=200, ge=100, le=16384)
    efa: bool = False
    """Whether nodes have Elastic Fabric Adapters, for training across nodes."""
    placement_group: bool = False
    """Whether nodes are placed close together, in one zone."""
    sharing: Sharing | None = None
