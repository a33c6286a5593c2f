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


def pulumi() -> Path:
    """Return the path of Pulumi's command line.

    Raises:
        InfraError: it is not built.
    """
    return _binary(_PULUMI)


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
    for program in (_PULUMI, _KUBERNETES):
        link_atomically(folder / program, _binary(program))


def _binary(program: str) -> Path:
    try:
        return build.binary(program)
    except UpstreamError as error:
        raise InfraError(str(error)) from None
