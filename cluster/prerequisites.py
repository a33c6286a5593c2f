"""Checks this machine and installs Debian packages. Runs on the standard library alone."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from upstream.cache import cache_root

PACKAGES = (
    "containernetworking-plugins",
    "iptables",
    "nftables",
    "ipset",
    "conntrack",
    "ebtables",
    "iproute2",
    "socat",
    "mmdebstrap",
    "buildah",
    "gcc",
    "libc6-dev",
    "libseccomp-dev",
    "pkg-config",
)
# Needed by tests and benchmarks alone, which install them before they run.
BROWSER_PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core")
LOAD_PACKAGES = ("hey",)
_PYTHON = (3, 11)
_GO = (1, 26)
_DISK_GIB = 25
_GIB = 1024**3
_APT_SECONDS = 900
_LOCK_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Facts about a machine, as far as the checks look at them."""

    system: str
    processor: str
    user_id: int
    python: tuple[int, int]
    go: str
    """Output of `go version`; empty without Go."""
    free_bytes: int
    cached_bytes: int
    """Size of plinth's cache: a machine with a warm cache needs that much less free disk."""
    folder: Path


def _go_version() -> str:
    program = shutil.which("go")
    if program is None:
        return ""
    done = subprocess.run([program, "version"], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip()


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def inspect() -> Machine:
    """Return the facts about this machine."""
    cache = cache_root()
    free = shutil.disk_usage(_existing(cache)).free
    cached = 0
    if free < _DISK_GIB * _GIB and cache.is_dir():
        done = subprocess.run(["du", "-sb", str(cache)], capture_output=True, text=True, check=False)
        cached = int(done.stdout.split()[0]) if done.stdout else 0
    return Machine(
        system=platform.system(),
        processor=platform.machine(),
        user_id=os.geteuid(),
        python=sys.version_info[:2],
        go=_go_version(),
        free_bytes=free,
        cached_bytes=cached,
        folder=cache,
    )


def faults(machine: Machine) -> list[str]:
    """Return a line for each missing prerequisite, with its fix."""
    found: list[str] = []
    if (machine.system, machine.processor) != ("Linux", "x86_64"):
        found.append(
            f"Linux x86-64: this is {machine.system} {machine.processor}; use a Linux x86-64 machine"
        )
    if machine.user_id != 0:
        found.append(f"root: this is user {machine.user_id}; run the command with sudo, or as root")
    if machine.python != _PYTHON:
        have = ".".join(map(str, machine.python))
        found.append(f"Python 3.11: python3 is {have}; install 3.11 (for example with pyenv) first on PATH")
    match = re.search(r"go(\d+)\.(\d+)", machine.go)
    if match is None:
        found.append("Go 1.26: there is no go on PATH; unpack it from https://go.dev/dl/ into /usr/local")
    elif (int(match[1]), int(match[2])) < _GO:
        found.append(f"Go 1.26: go on PATH is {match[1]}.{match[2]}; unpack 1.26 from https://go.dev/dl/")
    if machine.free_bytes + machine.cached_bytes < _DISK_GIB * _GIB:
        free = machine.free_bytes / _GIB
        found.append(
            f"{_DISK_GIB} GB of free disk: {machine.folder} has {free:.1f} GB; "
            "free some, or set PLINTH_CACHE to a folder on a larger disk"
        )
    return found


def missing_packages(wanted: Sequence[str] = PACKAGES) -> list[str]:
    """Return the wanted Debian packages that are not installed."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted]
    done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60)
    installed = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def _install(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A new machine often upgrades itself at first: wait for the lock that it holds.
    lock = f"--option=DPkg::Lock::Timeout={_LOCK_SECONDS}"
    install = ["apt-get", lock, "install", "--yes", "--no-install-recommends", *packages]
    for argv in (["apt-get", "update"], install):
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, check=False, timeout=_APT_SECONDS
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it printed nothing"]
            raise ClusterError(
                f"`{' '.join(argv)}` failed: {lines[-1]}; install {' '.join(packages)} by hand"
            )


def ensure(progress: Callable[[str], None], wanted: Sequence[str] = PACKAGES) -> None:
    """Check this machine, then install the wanted Debian packages that it lacks.

    Raises:
        ClusterError: a prerequisite is missing that this command cannot install.
    """
    found = faults(inspect())
    if found:
        raise ClusterError("this machine lacks:\n" + "\n".join(f"  - {fault}" for fault in found))
    if shutil.which("dpkg-query") is None:
        raise ClusterError(
            f"this machine has no dpkg: use Debian 12, Ubuntu 22.04 or later, or install {' '.join(wanted)}"
        )
    packages = missing_packages(wanted)
    if packages:
        progress(f"installing {' '.join(packages)}")
        _install(packages)
