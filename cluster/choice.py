"""Chooses the kind of cluster for a machine."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster.errors import ClusterError
from cluster.existing import ExistingCluster
from cluster.kind import KindCluster
from cluster.native import NativeCluster
from cluster.protocol import Cluster

KINDS = ("auto", "native", "kind", "existing")
_DOCKER_SECONDS = 10.0


def docker_works() -> bool:
    """Return whether a Docker daemon answers; an installed client does not mean that one runs."""
    if shutil.which("docker") is None:
        return False
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=_DOCKER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def resolve(kind: str, kubeconfig: str | None) -> str:
    """Return native, kind or existing: the given kind, or for `auto` the best that this machine supports."""
    if kind not in KINDS:
        raise ClusterError(f"CLUSTER={kind}: use one of {', '.join(KINDS)}")
    if kind != "auto":
        return kind
    if kubeconfig:
        return "existing"
    return "kind" if shutil.which("kind") and docker_works() else "native"


def choose(
    kind: str,
    name: str,
    kubeconfig: str | None,
    requested_ports: dict[str, int],
    progress: Callable[[str], None],
) -> Cluster:
    """Return the cluster with a name."""
    match resolve(kind, kubeconfig):
        case "existing":
            if not kubeconfig:
                raise ClusterError(
                    "CLUSTER=existing needs a kubeconfig: set PLINTH_KUBECONFIG or give --kubeconfig"
                )
            return ExistingCluster(name, Path(kubeconfig))
        case "kind":
            return KindCluster(name)
        case _:
            return NativeCluster(name, requested_ports, progress)
