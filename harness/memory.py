"""Resident memory of a native instance, by component: pods by name, everything else by program."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kubernetes import client

from cluster import namespaces
from cluster.errors import ClusterError
from cluster.instance import Instance
from harness import processes
from workloads import cluster_client

_POD = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f_-]{27})")
_MIB = 1024.0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of one component's processes, in MiB."""

    component: str
    resident: float
    """Sum of resident set sizes: pages shared by two processes count twice."""
    proportional: float
    """Sum of proportional set sizes: a shared page counts once in total."""


def pod_uid(cgroups: str) -> str | None:
    """Return the uid of a process's pod, from the text of /proc/<pid>/cgroup; None if it is in no pod."""
    found = _POD.search(cgroups)
    return found.group(1).replace("_", "-") if found else None


def sizes(rollup: str) -> tuple[float, float]:
    """Return resident and proportional MiB from the text of /proc/<pid>/smaps_rollup."""
    kib = {name: float(value) for name, value in re.findall(r"^(Rss|Pss):\s+(\d+) kB", rollup, re.MULTILINE)}
    return kib["Rss"] / _MIB, kib["Pss"] / _MIB


def by_component(pids: Iterable[int], pod_name: Callable[[str], str]) -> list[Memory]:
    """Return memory by component, largest first; processes that end in the meantime are left out."""
    resident: dict[str, float] = defaultdict(float)
    proportional: dict[str, float] = defaultdict(float)
    for pid in pids:
        folder = Path("/proc") / str(pid)
        try:
            uid = pod_uid((folder / "cgroup").read_text())
            name = pod_name(uid) if uid else (folder / "comm").read_text().strip()
            rss, pss = sizes((folder / "smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError, KeyError):
            continue
        resident[name] += rss
        proportional[name] += pss
    rows = [
        Memory(component=name, resident=resident[name], proportional=proportional[name]) for name in resident
    ]
    return sorted(rows, key=lambda row: -row.resident)


def of_instance(instance: Instance, kubeconfig: str) -> list[Memory]:
    """Return the memory of a running instance; pods are named by namespace and owner.

    Raises:
        ClusterError: it is not running.
    """
    names = _pod_names(kubeconfig)
    return by_component(find_members(instance), lambda uid: names.get(uid, f"pod {uid}"))


def find_members(instance: Instance) -> list[int]:
    """Return the ids of all processes of a running instance.

    Raises:
        ClusterError: it is not running.
    """
    holder = namespaces.holder(instance)
    if holder is None:
        raise ClusterError(f"cluster {instance.name!r} is not running: start it with `python -m cluster up`")
    return processes.descendants(holder)


def _pod_names(kubeconfig: str) -> dict[str, str]:
    api = client.CoreV1Api(cluster_client.connect(kubeconfig))
    names: dict[str, str] = {}
    for pod in api.list_pod_for_all_namespaces().items:
        name = (pod.metadata.generate_name or pod.metadata.name).rstrip("-")
        made_by = (pod.metadata.labels or {}).get("pod-template-hash", "")
        names[pod.metadata.uid] = f"{pod.metadata.namespace}/{name.removesuffix(f'-{made_by}')}"
    return names
