"""Loopback ports of the machine, where gateway, API and registry are published."""

import socket
from pathlib import Path

from cluster.errors import ClusterError
from cluster.processes import Process
from cluster.programs import binaries

LOOPBACK = "127.0.0.1"
GATEWAY_NODE_PORT = 30080
_TRIES = 200


def is_free(port: int) -> bool:
    """Return whether the loopback port is free to listen on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(preferred: int, taken: set[int]) -> int:
    """Return the first port from `preferred` on that is free and not in `taken`."""
    for port in range(preferred, preferred + _TRIES):
        if port not in taken and is_free(port):
            return port
    raise ClusterError(
        f"no free port on {LOOPBACK} from {preferred} to {preferred + _TRIES - 1}: stop the programs on them"
    )


def demand(what: str, port: int) -> int:
    """Return a port that the user chose.

    Raises:
        ClusterError: it is taken; the text names the process that holds it.
    """
    if not is_free(port):
        raise ClusterError(
            f"--{what}-port {port} is taken by {_listener(port)}: stop it, or give another port"
        )
    return port


def _listener(port: int) -> str:
    """Return `name (pid N)` of the process that listens on a loopback port."""
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port
    }
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, inodes):
            return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return "another process"


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        for descriptor in (process / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:[") and target[8:-1] in inodes:
                return True
    except OSError:
        return False
    return False


def forwarder(name: str, port: int, target: str) -> Process:
    """Return a process that forwards a loopback port of the machine to an address inside the instance."""
    return Process(
        name=f"forward-{name}",
        argv=(
            str(binaries.system("socat")),
            f"TCP-LISTEN:{port},bind={LOOPBACK},fork,reuseaddr,nodelay,backlog=512",
            f"TCP:{target},nodelay",
        ),
        host_network=True,
    )
