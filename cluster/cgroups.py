"""The instance's own cgroup root, in every hierarchy that this machine has mounted."""

import os
import signal
from pathlib import Path

from cluster.errors import ClusterError
from cluster.wait import wait_for

_REMOVE_SECONDS = 20.0


def hierarchies(mounts: str) -> list[Path]:
    """Return the mount points of all cgroup hierarchies, versions 1 and 2, in the text of a mount table."""
    found: dict[Path, None] = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[2] in {"cgroup", "cgroup2"}:
            found[Path(fields[1])] = None
    return list(found)


def _mounted() -> list[Path]:
    return hierarchies(Path("/proc/self/mounts").read_text())


def create(name: str) -> None:
    """Create the root cgroup in every hierarchy.

    Raises:
        ClusterError: no hierarchy is mounted, or one cannot be written to.
    """
    roots = _mounted()
    if not roots:
        raise ClusterError("this machine has no cgroup hierarchy mounted: mount cgroup2 on /sys/fs/cgroup")
    for root in roots:
        folder = root / name
        try:
            folder.mkdir(exist_ok=True)
            # In version 1 a new cpuset is empty, and an empty one admits no process.
            for setting in ("cpuset.cpus", "cpuset.mems"):
                source = root / setting
                if source.exists() and not (folder / setting).read_text().strip():
                    (folder / setting).write_text(source.read_text())
        except OSError as error:
            raise ClusterError(
                f"cgroup {folder} cannot be made ({error.strerror}): run as root, with {root} writable"
            ) from error


def present(name: str) -> list[Path]:
    """Return the roots that exist."""
    return [root / name for root in _mounted() if (root / name).is_dir()]


def members(name: str) -> list[int]:
    """Return the processes inside the roots."""
    pids: set[int] = set()
    for root in present(name):
        for folder, _, files in os.walk(root):
            if "cgroup.procs" in files:
                pids.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
    return sorted(pids)


def remove(name: str) -> None:
    """Kill the processes that are left inside and remove the roots, bottom-up."""

    def removed() -> str | None:
        for pid in members(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for root in present(name):
            for folder, _, _ in os.walk(root, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:
                    continue
        left = present(name)
        return f"{left[0]} is busy" if left else None

    wait_for(f"removal of cgroup {name}", removed, timeout_seconds=_REMOVE_SECONDS)
