"""Forwards a port of this machine to the gateway of a stack, for as long as a command runs.

The gateway of a stack on AWS is inside its network. The Kubernetes API forwards the connections instead; they
are plain HTTP, because a certificate belongs to the load balancer that they bypass.
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from cluster.programs import binaries
from infra.kubectl import Kubectl
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

# In an argument of the command it stands for a file with the endpoints.
ENDPOINTS = "{endpoints}"
_NAMESPACE, _SERVICE = "gateway", "service/traefik"
_FORWARDING = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ->")


def main(stack: str, argv: Sequence[str]) -> int:
    """Run a command with a tunnel to a stack's gateway; return its exit code."""
    try:
        endpoints = Endpoints.of_stack(stack)
        with opened(endpoints) as url, tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "endpoints.json"
            file.write_text(json.dumps(asdict(replace(endpoints, gateway_url=url))))
            words = [word.replace(ENDPOINTS, str(file)) for word in argv]
            return subprocess.run(words, check=False).returncode
    except WorkloadsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def opened(endpoints: Endpoints) -> Generator[str]:
    """Open a tunnel; give the gateway's address on this machine."""
    kubeconfig = Path(endpoints.kubeconfig)
    ports = Kubectl(kubeconfig=kubeconfig)(
        "--namespace", _NAMESPACE, "get", _SERVICE, "--output=jsonpath={.spec.ports[0].port}"
    )
    argv = [
        str(binaries.kubectl()),
        f"--kubeconfig={kubeconfig}",
        f"--namespace={_NAMESPACE}",
        "port-forward",
        "--address=127.0.0.1",
        _SERVICE,
        f":{ports.strip()}",
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield f"http://127.0.0.1:{_port(child.stdout, child.stderr)}"
        finally:
            child.terminate()


def _port(output: IO[str] | None, errors: IO[str] | None) -> int:
    """Return the port that kubectl has opened.

    Raises:
        WorkloadsError: kubectl ended before it opened one.
    """
    for line in output or ():
        if found := _FORWARDING.match(line):
            return int(found.group(1))
    reason = " ".join((errors.read() if errors else "").split())
    raise WorkloadsError(f"no tunnel to {_SERVICE} in {_NAMESPACE}: {reason}")
