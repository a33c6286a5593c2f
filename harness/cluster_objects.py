"""Lists all objects of a cluster, to compare it before an installation with it after removal."""

import json
import os
import subprocess
from pathlib import Path

from cluster.programs import binaries

# Kubernetes itself creates or measures these, whether or not a platform is installed.
_TRANSIENT = frozenset(
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


def list_objects(kubeconfig: Path) -> frozenset[str]:
    """Return `kind namespace/name` of every object, of all kinds that the API server can list."""
    kinds = lasting_kinds(_kubectl(kubeconfig, "api-resources", "--verbs=list", "--output=name"))
    return parse_objects(_kubectl(kubeconfig, "get", ",".join(kinds), "-A", "--output=json"))


def lasting_kinds(resources: str) -> list[str]:
    """Return the kinds to compare, from the output of `kubectl api-resources --output=name`."""
    return sorted(set(resources.split()) - _TRANSIENT)


def parse_objects(text: str) -> frozenset[str]:
    """Return `kind namespace/name` of every object in the JSON of `kubectl get`."""
    return frozenset(
        f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}"
        for each in json.loads(text)["items"]
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
