"""Starts, finds and ends the mount, pid and network namespaces of an instance."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import marked, network
from cluster.errors import ClusterError
from cluster.instance import MARK, Instance
from cluster.processes import PATH, Plan
from cluster.wait import wait_for

_UNSHARE = "/usr/bin/unshare"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class Status:
    """The supervisor's latest report."""

    plan: str
    started: float
    """Seconds since 1970."""
    processes: dict[str, dict[str, Any]]

    def faults(self) -> list[str]:
        """Return one line for each process that is not running."""
        return [
            f"{name} {entry['state']}" + (f" (last: {entry['last_exit']})" if entry["last_exit"] else "")
            for name, entry in self.processes.items()
            if entry["state"] != "running"
        ]


def read_status(instance: Instance) -> Status | None:
    """Return the supervisor's latest report, or None if there is none."""
    try:
        table = json.loads(instance.status.read_text())
        return Status(plan=table["plan"], started=float(table["started"]), processes=table["processes"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def marked_processes(instance: Instance) -> list[int]:
    """Return the ids of the processes that have the instance's mark: `unshare` and the init it forked."""
    return marked.processes(MARK, instance.folder)


def holder(instance: Instance) -> int | None:
    """Return the id of the `unshare` process, which is in the instance's mount and network namespaces."""
    for pid in marked_processes(instance):
        try:
            program = Path(f"/proc/{pid}/exe").readlink()
        except OSError:
            continue
        if program.name == Path(_UNSHARE).resolve().name:
            return pid
    return None


def start(instance: Instance, plan: Plan) -> None:
    """Start the instance's init in namespaces of its own, detached from the caller."""
    instance.logs.mkdir(parents=True, exist_ok=True)
    # Volumes are open to every user, as pods may run as any; whoever may not pass this folder reads none.
    instance.folder.chmod(0o700)
    instance.status.unlink(missing_ok=True)
    repository = str(Path(__file__).parents[1])
    environment = {"PATH": PATH, "PYTHONPATH": repository, MARK: str(instance.folder)}
    init_log = instance.logs / "init.log"
    with Path("/proc/self/ns/net").open("rb") as host_network, init_log.open("ab") as log:
        descriptor = host_network.fileno()
        process = subprocess.Popen(
            [
                *(_UNSHARE, "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"),
                *(sys.executable, "-m", "cluster.init", str(instance.plan), str(descriptor)),
            ],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[descriptor],
        )
    own = Path("/proc/self/ns/net").readlink()

    def separated() -> str | None:
        if process.poll() is not None:
            raise ClusterError(f"the instance's namespaces could not be made: see {init_log}")
        return None if Path(f"/proc/{process.pid}/ns/net").readlink() != own else "not separated yet"

    wait_for("namespaces", separated, timeout_seconds=_START_SECONDS, interval_seconds=0.01)
    network.connect(plan.network, process.pid)

    def reported() -> str | None:
        if process.poll() is not None:
            raise ClusterError(f"the instance's first process ended: see {init_log}")
        return None if read_status(instance) else "no report yet"

    wait_for("supervisor", reported, timeout_seconds=_START_SECONDS, interval_seconds=0.02)


def end(instance: Instance) -> None:
    """Kill every process of the instance; with init the kernel kills all others in its pid namespace."""
    marked.end(MARK, instance.folder, f"cluster {instance.name!r}")
