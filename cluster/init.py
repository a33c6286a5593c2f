"""The first process of an instance's namespaces: private mounts, its network, then the supervisor.

Run as `python -m cluster.init PLAN HOST_NETWORK_FD` under `unshare --mount --pid --net --fork`.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from cluster.processes import Network, Plan, read_plan
from cluster.supervisor import Supervisor
from cluster.wait import wait_for

_LINK_SECONDS = 20.0
# The kubelet requires these settings and would set them for the whole machine. It compares what it reads,
# so private files mounted over them satisfy it.
_SHADOWED_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_NAMESPACED_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)


def _mount(plan: Plan) -> None:
    # Shared inside the instance, as on any node, for volumes with mount propagation. The machine sees none
    # of it: `unshare --mount` has already made the mounts private.
    _run("mount", "--make-rshared", "/")
    # Often a link into /run; the index of packages resolves names as the machine does.
    resolver = Path("/etc/resolv.conf").resolve()
    names = resolver.read_text() if resolver.is_file() else ""
    kept = [Path(plan.folder), Path(__file__).resolve(), Path(sys.prefix)]
    for target in ("/run", "/var/lib"):
        _replace(Path(target), kept)
    if not resolver.exists():
        resolver.parent.mkdir(parents=True, exist_ok=True)
        resolver.write_text(names)
    for target, source in plan.binds.items():
        Path(source).mkdir(parents=True, exist_ok=True)
        Path(target).mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", source, target)
    Path("/run/netns").mkdir()
    settings = Path("/run/settings")
    for name, value in _SHADOWED_SETTINGS.items():
        target = Path("/proc/sys") / name
        if target.exists():
            shadow = settings / name
            shadow.parent.mkdir(parents=True, exist_ok=True)
            shadow.write_text(f"{value}\n")
            _run("mount", "--bind", str(shadow), str(target))


def _replace(target: Path, kept: list[Path]) -> None:
    """Mount an empty folder over the machine's, except for the entries with paths that must stay visible.

    Some programs write to fixed places: the kubelet below /var/lib/kubelet, CNI below /var/lib/cni.
    """
    entries = {target / path.relative_to(target).parts[0] for path in kept if path.is_relative_to(target)}
    aside = Path("/mnt") if entries else target
    if entries:
        _run("mount", "--rbind", str(target), str(aside))
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "plinth", str(target))
    for entry in entries:
        entry.mkdir()
        _run("mount", "--rbind", str(aside / entry.name), str(entry))
    if entries:
        _run("umount", "--lazy", str(aside))


def _join_network(network: Network) -> None:
    _run("ip", "link", "set", "lo", "up")
    for name, value in _NAMESPACED_SETTINGS.items():
        (Path("/proc/sys") / name).write_text(value)

    def linked() -> str | None:
        found = subprocess.run(["ip", "link", "show", "eth0"], capture_output=True, check=False)
        return None if found.returncode == 0 else "no eth0"

    wait_for("link to the machine", linked, timeout_seconds=_LINK_SECONDS, interval_seconds=0.02)
    _run("ip", "address", "add", f"{network.node_ip}/{network.prefix}", "dev", "eth0")
    _run("ip", "link", "set", "eth0", "up")
    # A service address needs a route before it is translated. Everything else is refused at once: the
    # cluster has no egress, and a quick error is better than a timeout.
    _run("ip", "route", "add", network.service_cidr, "via", network.host_ip)
    _run("ip", "route", "add", "unreachable", "default")


def main() -> None:
    """Set up the namespaces and supervise the processes until SIGTERM."""
    plan = read_plan(Path(sys.argv[1]))
    folder = Path(plan.folder)
    _mount(plan)
    _join_network(plan.network)
    supervisor = Supervisor(
        processes=plan.processes,
        logs=folder / "logs",
        status=folder / "status.json",
        facts={"plan": plan.digest(), "started": time.time()},
        host_network=f"/proc/{os.getpid()}/fd/{sys.argv[2]}",
    )
    supervisor.run()


if __name__ == "__main__":
    main()
