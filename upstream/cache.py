"""The cache: one folder outside the repository for built programs, images and cluster state."""

import contextlib
import fcntl
import os
from collections.abc import Generator
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
    """Return the Go module cache of the modules whose manifests are read at run time."""
    return cache_root() / "mod"


def build_cache() -> Path:
    """Return the folder of files that only running builds need; it is safe to delete between builds."""
    return cache_root() / "build"


@contextlib.contextmanager
def locked(path: Path, operation: int = fcntl.LOCK_EX) -> Generator[None]:
    """Hold a lock; other threads and processes wait for it.

    Raises:
        BlockingIOError: the operation has LOCK_NB, and another holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, operation)
        yield


def write_atomically(path: Path, text: str, mode: int | None = None) -> None:
    """Write a file so that neither a reader nor a crash leaves it half written."""
    draft = _draft(path)
    draft.write_text(text)
    if mode is not None:
        draft.chmod(mode)
    draft.replace(path)


def link_atomically(path: Path, target: Path | str) -> None:
    """Create or redirect a symbolic link so that a reader always finds it."""
    draft = _draft(path)
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)


def _draft(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}")
