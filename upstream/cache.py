"""The cache: one folder outside the repository for built programs, images and cluster state."""

import contextlib
import fcntl
import functools
import os
import pwd
import stat
from collections.abc import Generator
from pathlib import Path


class UpstreamError(Exception):
    """An upstream program or module is missing, or could not be built; the text names the fix."""


def cache_root() -> Path:
    """Return plinth's cache folder: $PLINTH_CACHE, else $XDG_CACHE_HOME/plinth, else ~/.cache/plinth.

    Raises:
        UpstreamError: root would run programs from it that somebody else may exchange.
    """
    explicit = os.environ.get("PLINTH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    found = Path(explicit) if explicit else (Path(base) if base else Path.home() / ".cache") / "plinth"
    root = found.resolve()
    if os.geteuid() == 0:
        _require_trusted(root)
    return root


@functools.cache
def _require_trusted(root: Path) -> None:
    """Check who may change a folder, or replace it in one of those around it."""
    for folder in (root, *root.parents):
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        fix = "set PLINTH_CACHE to a folder of root, such as /root/.cache/plinth"
        if found.st_uid != 0:
            raise UpstreamError(f"cache {root}: {folder} belongs to {_user(found.st_uid)}; {fix}")
        writers = stat.S_IWOTH | (stat.S_IWGRP if found.st_gid != 0 else 0)
        # Where the sticky bit is set, as in /tmp, only the owner of an entry may replace it.
        if found.st_mode & writers and not found.st_mode & stat.S_ISVTX:
            mode = f"{stat.S_IMODE(found.st_mode):o}"
            raise UpstreamError(f"cache {root}: others may write to {folder} (mode {mode}); {fix}")


def _user(uid: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"user {uid}"


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
