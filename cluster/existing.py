"""A cluster that exists already: it is checked, never created or deleted."""

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.command import run
from cluster.errors import ClusterError
from cluster.instance import Endpoints, Instance
from cluster.programs.binaries import kubectl
from upstream.cache import write_atomically


@dataclass
class ExistingCluster:
    """A cluster that a given kubeconfig reaches."""

    name: str
    path: Path

    def create(self) -> Endpoints:
        """Check that the cluster answers and write its endpoints file.

        Raises:
            ClusterError: the kubeconfig is missing or the cluster does not answer.
        """
        if not self.path.is_file():
            raise ClusterError(f"kubeconfig {self.path} does not exist: give the path of an existing one")
        argv = [kubectl(), f"--kubeconfig={self.path}", "--request-timeout=10s"]
        try:
            run([*argv, "get", "--raw=/version"], timeout_seconds=20)
        except ClusterError as error:
            raise ClusterError(
                f"the cluster of {self.path} does not answer ({error}): check the address and your access"
            ) from error
        config = json.loads(run([*argv, "config", "view", "--minify", "--output=json"]))
        api: str = config["clusters"][0]["cluster"]["server"]
        endpoints = Endpoints(
            kubeconfig=str(self.path.resolve()), api=api, gateway="", registry="", node_ip=""
        )
        write_atomically(Instance(self.name).endpoints_file, endpoints.text())
        return endpoints

    def delete(self) -> None:
        """Delete the endpoints file; the cluster stays as it is."""
        Instance(self.name).endpoints_file.unlink(missing_ok=True)
