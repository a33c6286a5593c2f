"""Reads `uv.lock` without running uv."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from upstream.cache import UpstreamError

FILE = Path(__file__).parents[1] / "uv.lock"
_PROJECT = "plinth"


@cache
def _packages() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads(FILE.read_text())
    return {package["name"]: package for package in lock["package"]}


def version(distribution: str) -> str:
    """Return the locked version of a Python distribution.

    Raises:
        UpstreamError: uv.lock does not contain it.
    """
    package = _packages().get(distribution)
    if package is None:
        raise UpstreamError(
            f"uv.lock has no {distribution}: add it to a group of pyproject.toml and run `uv lock`"
        )
    return str(package["version"])


def group(name: str) -> dict[str, dict[str, Any]]:
    """Return the lock's entry of every distribution that a dependency group may install, by name.

    Environment markers are not evaluated: a distribution for another operating system is included.

    Raises:
        UpstreamError: uv.lock has no such group.
    """
    packages = _packages()
    groups: dict[str, list[dict[str, Any]]] = packages[_PROJECT]["dev-dependencies"]
    if name not in groups:
        raise UpstreamError(f"no dependency group {name!r} in uv.lock: it has {', '.join(sorted(groups))}")
    entries: dict[str, dict[str, Any]] = {}
    pending = list(groups[name])
    while pending:
        dependency = pending.pop()
        package = packages[dependency["name"]]
        extras = package.get("optional-dependencies", {})
        for extra in dependency.get("extra", ()):
            pending += extras.get(extra, ())
        if dependency["name"] not in entries:
            entries[dependency["name"]] = package
            pending += package.get("dependencies", ())
    return dict(sorted(entries.items()))
