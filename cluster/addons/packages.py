"""The cluster's index of Python packages: a server on the machine, and a Service that names it."""

import sys
from pathlib import Path
from typing import Any

from cluster import package_index, pip_settings
from cluster.instance import Addresses, Instance
from cluster.processes import CHECKOUT, Process
from cluster.programs import binaries

NAMESPACE = "kube-system"
NAME = "package-index"
PORT = 3141
"""Of the node and of the Service alike: network policies match ports after translation."""
URL = f"http://{NAME}.{NAMESPACE}:{PORT}{package_index.PATH}"
_LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "plinth"}


def processes(instance: Instance, addresses: Addresses) -> tuple[Process, Process]:
    """Write pip's settings of now; return the server on the machine's network and the node's way to it."""
    # Not below `config`: another setting of pip must not restart a running cluster.
    settings = instance.folder / "pip.json"
    pip_settings.read().write(settings)
    socket = str(instance.folder / f"{NAME}.sock")
    return (
        Process(
            name=NAME,
            argv=(
                *(sys.executable, "-m", "cluster.package_index"),
                *(str(settings), str(instance.folder / NAME), socket),
            ),
            environment={CHECKOUT: str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"},
            host_network=True,
            own=True,
        ),
        Process(
            name=f"forward-{NAME}",
            argv=(
                str(binaries.system("socat")),
                f"TCP-LISTEN:{PORT},bind={addresses.node_ip},fork,reuseaddr,nodelay,backlog=128",
                f"UNIX-CONNECT:{socket}",
            ),
        ),
    )


def manifests(node_ip: str) -> list[dict[str, Any]]:
    """Return the Service that pods call, and its one endpoint on the node."""
    named = {"name": NAME, "namespace": NAMESPACE, "labels": _LABELS}
    port = {"name": "http", "port": PORT, "protocol": "TCP"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"ports": [port]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**named, "labels": {**_LABELS, "kubernetes.io/service-name": NAME}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [node_ip], "conditions": {"ready": True}}],
            "ports": [port],
        },
    ]
