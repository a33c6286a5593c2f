"""Platforms that are processes of this machine and go on serving: found by the files that they write."""

import socket
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

FOLDER_PREFIX: Final = "plinth-laptop-"
"""What the name of such a platform's folder begins with, among the temporary files of its user."""
ENDPOINTS_FILE: Final = "endpoints.json"
"""File in that folder with its endpoints."""


def running() -> Endpoints:
    """Return the endpoints of the one platform that goes on.

    Raises:
        WorkloadsError: there is none, or more than one; one line.
    """
    files = sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/{ENDPOINTS_FILE}"))
    found = {file: Endpoints.from_file(file) for file in files}
    # A platform that was killed leaves its folder.
    alive = {file: each for file, each in found.items() if _listens(each.gateway_url)}
    if not alive:
        raise WorkloadsError(
            "--local: no platform goes on on this machine; in another terminal run `make try STAY=1`, "
            "or run train_register_serve with --local --stay"
        )
    if len(alive) > 1:
        raise WorkloadsError(
            f"--local: {len(alive)} platforms go on on this machine; "
            f"give one as --endpoints {' or '.join(map(str, alive))}"
        )
    return next(iter(alive.values()))


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=5):
            return True
    except OSError:
        return False
