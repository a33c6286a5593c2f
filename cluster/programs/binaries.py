"""Finds the programs of a native cluster: those that `upstream` built, and those of Debian packages."""

import shutil
from pathlib import Path

from cluster.errors import ClusterError
from cluster.processes import PATH
from upstream.build import binary
from upstream.cache import UpstreamError
from upstream.recipe import load


def path(program: str) -> Path:
    """Return the path of a program.

    Raises:
        ClusterError: it is not built; the text names the command that builds it.
    """
    try:
        return binary(program)
    except UpstreamError as error:
        raise ClusterError(str(error)) from error


def version(project: str, module: str) -> str:
    """Return the pinned version of a module, such as `v1.2.3`."""
    try:
        return load(project).version(module)
    except UpstreamError as error:
        raise ClusterError(str(error)) from error


def lean(target: int = 50) -> dict[str, str]:
    """Return an environment in which a Go program uses less memory and somewhat more CPU time."""
    return {"GOGC": str(target)}


def system(program: str) -> Path:
    """Return the path of a Debian package's program.

    Raises:
        ClusterError: it is not installed.
    """
    found = shutil.which(program, path=PATH)
    if found is None:
        raise ClusterError(f"{program} is not installed: run `python -m cluster prerequisites`")
    return Path(found)


def kubectl() -> Path:
    """Return the kubectl that we built, or else the machine's own."""
    try:
        return binary("kubectl")
    except UpstreamError:
        return system("kubectl")
