"""The interface of every kind of cluster."""

from typing import Protocol

from cluster.instance import Endpoints


class Cluster(Protocol):
    """A cluster that can be created and deleted."""

    name: str

    def create(self) -> Endpoints:
        """Create the cluster, or heal it; a healthy one stays as it is."""
        ...

    def delete(self) -> None:
        """Remove the cluster and everything it created on this machine."""
        ...
