"""The programs that the engine starts: a language host and the Kubernetes provider."""

import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from infra.errors import InfraError
from upstream import build, modules
from upstream.cache import UpstreamError, link_atomically, write_atomically

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PULUMI = "pulumi"
_LANGUAGE_HOST = "pulumi-language-python"
_KUBERNETES = "pulumi-resource-kubernetes"


def place_pulumi(folder: Path) -> Path:
    """Put Pulumi's command line into a folder and return its path.

    It looks for language hosts in the folder of its own file, and warns of one elsewhere. So it must not be a
    symbolic link, unless the folder is on another file system.

    Raises:
        InfraError: it is not built.
    """
    placed, built = folder / _PULUMI, _binary(_PULUMI)
    if placed.is_symlink() or not placed.exists() or not placed.samefile(built):
        folder.mkdir(parents=True, exist_ok=True)
        placed.unlink(missing_ok=True)
        try:
            placed.hardlink_to(built)
        except OSError:
            link_atomically(placed, built)
    return placed


def place_provider(home: Path) -> None:
    """Link the Kubernetes provider into the plugins of a $PULUMI_HOME."""
    plugin = home / "plugins" / f"resource-kubernetes-v{version('pulumi-kubernetes')}" / _KUBERNETES
    link_atomically(plugin, _binary(_KUBERNETES))


def place_language_host(folder: Path) -> None:
    """Write a language host into a folder of PATH, unless PATH has one elsewhere."""
    launcher = folder / _LANGUAGE_HOST
    folder.mkdir(parents=True, exist_ok=True)
    found = shutil.which(_LANGUAGE_HOST)
    if found is not None and Path(found) != launcher:
        launcher.unlink(missing_ok=True)
        return
    try:
        executor = modules.module_dir("pulumi", _SDK) / "python/cmd/pulumi-language-python-exec"
    except UpstreamError as error:
        raise InfraError(str(error)) from None
    words = [sys.executable, "-m", "infra.engine.language_host", str(executor)]
    write_atomically(launcher, f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', mode=0o755)


def place_all(folder: Path) -> None:
    """Put Pulumi, the language host and the Kubernetes provider into a folder, for a user's PATH."""
    place_language_host(folder)
    place_pulumi(folder)
    link_atomically(folder / _KUBERNETES, _binary(_KUBERNETES))


def _binary(program: str) -> Path:
    try:
        return build.binary(program)
    except UpstreamError as error:
        raise InfraError(str(error)) from None
