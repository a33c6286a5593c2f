"""kubectl on the cluster of a stack."""

from dataclasses import dataclass
from pathlib import Path

from cluster.command import run
from cluster.programs import binaries


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl with the kubeconfig of a stack."""

    kubeconfig: Path
    context: str | None = None

    def __call__(self, *arguments: str, seconds: float = 30) -> str:
        """Run kubectl and return its output.

        Raises:
            ClusterError: it failed, or did not end in time.
        """
        argv = [str(binaries.kubectl()), *arguments, f"--kubeconfig={self.kubeconfig}"]
        if self.context is not None:
            argv.append(f"--context={self.context}")
        return run(argv, timeout_seconds=seconds)
