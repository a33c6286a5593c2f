"""A cluster of the `kind` tool, for machines with Docker and access to an image registry.

Covered by unit tests alone: no machine with both was available.
"""

import json
from dataclasses import dataclass
from typing import Any

from cluster.command import run
from cluster.instance import Endpoints, Instance
from cluster.ports import GATEWAY_NODE_PORT, LOOPBACK
from upstream.cache import write_atomically

_GATEWAY_PORT = 8080
_CREATE_SECONDS = 600.0


@dataclass
class KindCluster:
    """A kind cluster named `plinth-<name>`."""

    name: str

    def __post_init__(self) -> None:
        """Check the name."""
        self._instance = Instance(self.name)

    def create(self) -> Endpoints:
        """Create the cluster unless it exists, and write its kubeconfig."""
        node = self._instance.node
        if node not in run(["kind", "get", "clusters"]).split():
            run(
                ["kind", "create", "cluster", f"--name={node}", "--config=-", "--wait=5m"],
                stdin=json.dumps(self._configuration()),
                timeout_seconds=_CREATE_SECONDS,
            )
        write_atomically(self._instance.kubeconfig, run(["kind", "get", "kubeconfig", f"--name={node}"]))
        self._instance.kubeconfig.chmod(0o600)
        endpoints = Endpoints(
            kubeconfig=str(self._instance.kubeconfig),
            api="",
            gateway=f"http://{LOOPBACK}:{_GATEWAY_PORT}",
            registry="",
            node_ip=LOOPBACK,
        )
        write_atomically(self._instance.endpoints_file, endpoints.text())
        return endpoints

    def delete(self) -> None:
        """Delete the cluster and its kubeconfig."""
        run(["kind", "delete", "cluster", f"--name={self._instance.node}"], timeout_seconds=_CREATE_SECONDS)
        run(["rm", "-rf", "--one-file-system", str(self._instance.folder)])

    @staticmethod
    def _configuration() -> dict[str, Any]:
        mapping = {"containerPort": GATEWAY_NODE_PORT, "hostPort": _GATEWAY_PORT, "listenAddress": LOOPBACK}
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{"role": "control-plane", "extraPortMappings": [mapping]}],
        }
