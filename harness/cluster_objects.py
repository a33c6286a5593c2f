"""Every object of a cluster by kind, namespace and name: compared before an installation and after it."""

import json
import os
import subprocess
from pathlib import Path

from cluster import binaries

# What Kubernetes itself keeps making, or measures, whether or not a platform was installed.
_PASSING = frozenset(
    {
        "componentstatuses",
        "endpoints",
        "endpointslices.discovery.k8s.io",
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "nodes.metrics.k8s.io",
        "pods.metrics.k8s.io",
    }
)
_SECONDS = 60


def listed(kubeconfig: Path) -> frozenset[str]:
    """Return `kind namespace/name` of every object, all kinds that the API server can list."""
    kinds = set(_kubectl(kubeconfig, "api-resources", "--verbs=list", "--output=name").split()) - _PASSING
    found = json.loads(_kubectl(kubeconfig, "get", ",".join(sorted(kinds)), "-A", "--output=json"))
    return frozenset(
        f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}"
        for each in found["items"]
    )


def _kubectl(kubeconfig: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(binaries.path("kubectl")), *arguments],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    return done.stdout
