"""What every kind of cluster offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cluster.instance import Endpoints


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What tests and stacks may rely on."""

    pods: bool
    """Pods really run."""
    network_policy: bool
    """NetworkPolicies are enforced."""
    simulated_gpus: bool
    """Nodes that pretend to have GPUs can be added."""


class Cluster(Protocol):
    """A cluster that can be made, reached, given images and deleted."""

    name: str

    def create(self) -> Endpoints:
        """Make the cluster, or heal it; a healthy one stays as it is."""
        ...

    def delete(self) -> None:
        """Remove the cluster and everything it made on this machine."""
        ...

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        ...

    def publish(self, archive: Path, reference: str) -> None:
        """Make an image archive available to pods under a reference."""
        ...

    def capabilities(self) -> Capabilities:
        """Return what the cluster can do."""
        ...
