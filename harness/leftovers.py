"""Snapshots of what a native cluster could leave behind on a machine, taken before and after it."""

import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.instance import Instance

# Folders that the programs of a cluster would write to if they were not confined to it.
_WATCHED_FOLDERS = (
    "/etc/cni",
    "/etc/kubernetes",
    "/opt/cni",
    "/run/containerd",
    "/run/flannel",
    "/run/netns",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/kube-router",
    "/var/log/containers",
    "/var/log/pods",
)
# Settings that the programs of Kubernetes change for the whole machine by default.
_WATCHED_SETTINGS = (
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/all/route_localnet",
)


_INSTANCE_NAME = re.compile(r"plinth(-[a-z0-9-]+)?-?[0-9a-f]{8}")


@dataclass(frozen=True)
class Snapshot:
    """Traces of clusters on this machine."""

    processes: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    links: frozenset[str]
    routes: frozenset[str]
    rules: frozenset[str]
    ipsets: frozenset[str]
    files: frozenset[str]
    settings: frozenset[str]


def _lines(*argv: str) -> list[str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _processes(marks: tuple[str, ...]) -> frozenset[str]:
    """Return the processes with one of the marks in their command line or environment."""
    found: set[str] = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(mark.encode() in text for mark in marks):
            found.add(f"{folder.name} {text.split(bytes(1))[0].decode(errors='replace')}")
    return frozenset(found)


def _of_others(text: str, own: tuple[str, ...]) -> bool:
    """Return whether a name belongs to another instance, which may start or stop at any time."""
    found = _INSTANCE_NAME.search(text)
    return found is not None and found.group() not in own


def _cgroups() -> frozenset[str]:
    roots = [
        line.split()[1]
        for line in _lines("cat", "/proc/self/mounts")
        if line.split()[2] in {"cgroup", "cgroup2"}
    ]
    return frozenset(str(path) for root in roots for path in Path(root).glob("plinth*"))


def take(*instances: Instance) -> Snapshot:
    """Take a snapshot for these instances, without traces of other instances on the machine."""
    own = tuple(name for instance in instances for name in (instance.link, instance.cgroup))
    links = json.loads("".join(_lines("ip", "-json", "link")))
    rules = [*_lines("nft", "list", "tables"), *_lines("iptables-save")]
    return Snapshot(
        processes=_processes(tuple(str(instance.folder) for instance in instances)),
        mounts=frozenset(line.split()[1] for line in _lines("cat", "/proc/self/mounts")),
        cgroups=frozenset(path for path in _cgroups() if not _of_others(path, own)),
        links=frozenset(link["ifname"] for link in links if not _of_others(link["ifname"], own)),
        routes=frozenset(
            line for line in _lines("ip", "route", "show", "table", "all") if not _of_others(line, own)
        ),
        rules=frozenset(line for line in rules if not line.startswith("#")),
        ipsets=frozenset(_lines("ipset", "list", "-name")),
        files=frozenset(
            str(path)
            for folder in _WATCHED_FOLDERS
            for path in (Path(folder), *Path(folder).rglob("*"))
            if path.exists()
        ),
        settings=frozenset(
            f"{name} {Path('/proc/sys', name).read_text().strip()}" for name in _WATCHED_SETTINGS
        ),
    )


def left_behind(before: Snapshot, after: Snapshot) -> dict[str, list[str]]:
    """Return by kind what exists after and did not exist before."""
    old, new = asdict(before), asdict(after)
    return {kind: found for kind in old if (found := sorted(new[kind] - old[kind]))}
