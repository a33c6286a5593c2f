"""Where built programs, images and cluster state live: one folder outside the repository."""

import os
from pathlib import Path


class UpstreamError(Exception):
    """An upstream program or module is missing, or could not be built; the text names the fix."""


def cache_root() -> Path:
    """Return plinth's cache folder: $PLINTH_CACHE, else $XDG_CACHE_HOME/plinth, else ~/.cache/plinth."""
    explicit = os.environ.get("PLINTH_CACHE")
    if explicit:
        return Path(explicit).resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").resolve() / "plinth"


def modules_cache() -> Path:
    """Return the Go module cache that keeps the modules whose manifests are read at run time."""
    return cache_root() / "mod"


def build_cache() -> Path:
    """Return the folder of what a build needs only while it runs; safe to delete between builds."""
    return cache_root() / "build"


def write_atomically(path: Path, text: str) -> None:
    """Write a file that a reader, or a crash, never sees half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
