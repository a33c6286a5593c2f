"""GPU pools: their nodes' label and taint, and how their GPUs are divided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GPU_RESOURCE: Final = "nvidia.com/gpu"
# An Elastic Fabric Adapter of AWS, for training across nodes.
EFA_RESOURCE: Final = "vpc.amazonaws.com/efa"
# Nodes of a pool carry label and taint; the node group or Karpenter sets them.
POOL_LABEL: Final = "plinth.dev/gpu-pool"
TAINT: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "value": "present", "effect": "NoSchedule"}
TOLERATION: Final[Mapping[str, str]] = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}


@dataclass(frozen=True, kw_only=True)
class Mig:
    """Each GPU cut into isolated devices of one profile."""

    profile: str
    """As NVIDIA names it, such as `1g.10gb`."""


@dataclass(frozen=True, kw_only=True)
class TimeSlicing:
    """Each GPU used by several pods in turn; they share its memory."""

    replicas: int
    """Pods per GPU."""


@dataclass(frozen=True, kw_only=True)
class GpuPool:
    """Nodes with GPUs of one kind."""

    name: str
    """Value of the pool's node label."""
    devices_per_node: int
    """Number of `nvidia.com/gpu` that a node offers, with sharing."""
    max_nodes: int
    """Largest number of nodes."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; by default it is not."""

    @property
    def devices(self) -> int:
        """Number of devices of the pool at its largest."""
        return self.devices_per_node * self.max_nodes

    @property
    def one_team_only(self) -> bool:
        """Whether its devices share memory, which teams never do."""
        return isinstance(self.sharing, TimeSlicing)
