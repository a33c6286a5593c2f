"""The command line by which a person calls a served model, ready to be pasted into a shell."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workloads.endpoints import Endpoints


def interpreter() -> str:
    """Return the name by which a shell in the current folder starts the Python of this process."""
    # Not resolved: a virtual environment is known by the name of its link.
    path = Path(sys.executable)
    here = Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def of_model(endpoints: Endpoints, name: str, row: Any, *, platform: Sequence[str] = ()) -> str:
    """Return a command that asks a model for one row, by KServe's v1 protocol.

    Args:
        endpoints: The platform.
        name: The model.
        row: What an instance of the v1 protocol may be: a list, or an object by feature.
        platform: Options of `python -m workloads token` that name the platform, such as --stack.
    """
    host = endpoints.model_host(name)
    url = endpoints.url(host)
    words = ["curl"]
    if endpoints.gateway_authority:
        words += ["--cacert", endpoints.gateway_authority]
        words += ["--connect-to", f"::{endpoints.gateway_address}:"]
    elif url == endpoints.gateway_url:
        words += ["-H", f"Host: {host}"]
    quoted = [shlex.quote(each) for each in words]
    if endpoints.identity_account:
        # A token ends within the hour: the command asks for another each time.
        token = shlex.join([interpreter(), "-m", "workloads", "token", *platform])
        quoted += ["-H", f'"Authorization: Bearer $({token})"']
    body = json.dumps({"instances": [row]}, separators=(",", ":"))
    quoted += ["-d", shlex.quote(body), shlex.quote(f"{url}/v1/models/{name}:predict")]
    return " ".join(quoted)
