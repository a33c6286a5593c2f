"""A single-node Kubernetes of supervised processes, in namespaces of its own on this machine."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster import cgroups, marked, namespaces, network, ports
from cluster.addons import addons, packages, storage
from cluster.command import run
from cluster.errors import ClusterError
from cluster.instance import ENGINE_MARK, Addresses, Endpoints, Instance
from cluster.processes import Plan
from cluster.programs import certificates, containerd, control_plane, etcd, kubelet, registry
from cluster.wait import wait_for
from upstream.cache import write_atomically

_DEFAULT_PORTS = {"gateway": 8080, "api": 6443, "registry": 5000}
_API_SECONDS = 180.0
_READY_SECONDS = 300.0
# A running but unhealthy instance has this long to recover before it is restarted.
_SELF_HEAL_SECONDS = 60.0
# On a busy machine the API answers late; only a dead one never answers.
_ANSWER_SECONDS = 20.0
_HOPELESS_RESTARTS = 6
_INOTIFY_INSTANCES = 1024


def _silent(_: str) -> None:
    pass


@dataclass
class NativeCluster:
    """A native cluster; equal names in one cache are the same cluster."""

    name: str
    requested_ports: dict[str, int] = field(default_factory=dict[str, int])
    """Loopback ports that the user chose: gateway, api, registry."""
    progress: Callable[[str], None] = _silent
    """Called with a line for each stage of long work."""

    def __post_init__(self) -> None:
        """Check the name."""
        self._instance = Instance(self.name)

    def create(self) -> Endpoints:
        """Start the cluster; heal a broken one, keeping its data; leave a healthy one alone.

        Raises:
            ClusterError: a program or image is missing, a port is taken, or a process does not come up.
        """
        if os.geteuid() != 0:
            raise ClusterError(
                "the native cluster needs root: run as root, or set CLUSTER=kind on a machine with Docker"
            )
        registry.require(addons.images())
        addresses = self._addresses()
        certificates.create(self._instance, addresses)
        plan = self._plan(addresses)
        if self._is_current(plan):
            if self._is_healthy():
                # Rolls out rebuilt images of DNS and metrics; equal objects are not applied again.
                addons.apply(self._instance)
                return self._instance.endpoints()
            with contextlib.suppress(ClusterError):
                return self._finish(addresses, _SELF_HEAL_SECONDS)
        healing = addons.were_applied(self._instance)
        self.progress("starting the processes")
        self._clean()
        self._start(plan)
        endpoints = self._finish(addresses, _READY_SECONDS)
        if healing:
            self._await_pods()
        return endpoints

    def delete(self) -> None:
        """Remove the cluster, its data and all that it left on the machine, even if half created."""
        # An engine that was interrupted while the cluster did not answer may still wait for it.
        marked.end(ENGINE_MARK, self._instance.folder, f"the engine of cluster {self.name!r}")
        self._clean()
        if self._instance.folder.exists():
            run(["rm", "-rf", "--one-file-system", str(self._instance.folder)], timeout_seconds=300)

    def faults(self) -> list[str]:
        """Return the cluster's faults, one line each; empty when it is healthy."""
        status = namespaces.read_status(self._instance)
        if namespaces.holder(self._instance) is None or status is None:
            return [f"cluster {self.name!r} is not running"]
        faults = status.faults()
        try:
            addons.kubectl(self._instance, "get", "--raw=/readyz", timeout_seconds=_ANSWER_SECONDS)
        except ClusterError as error:
            faults.append(f"API: {error}")
        if not self._instance.endpoints_file.exists():
            faults.append("the last start was not finished")
        return faults

    def _addresses(self) -> Addresses:
        """Return the instance's addresses: the stored ones, or new free ones."""
        stored = self._instance.addresses()
        running = namespaces.holder(self._instance) is not None
        if stored is None:
            host_ip, node_ip = network.free_link(self._instance.key, network.machine_routes())
            stored = Addresses(host_ip=host_ip, node_ip=node_ip, gateway_port=0, api_port=0, registry_port=0)
        chosen: dict[str, int] = {}
        for what, preferred in _DEFAULT_PORTS.items():
            current: int = getattr(stored, f"{what}_port")
            wanted = self.requested_ports.get(what)
            if wanted and wanted != current:
                chosen[what] = ports.demand(what, wanted)
            elif current and (running or ports.is_free(current)):
                chosen[what] = current
            else:
                chosen[what] = ports.choose(preferred, set(chosen.values()))
        addresses = replace(stored, **{f"{what}_port": port for what, port in chosen.items()})
        if addresses != self._instance.addresses():
            self._instance.keep(addresses)
        return addresses

    def _plan(self, addresses: Addresses) -> Plan:
        instance = self._instance
        api = f"{addresses.node_ip}:{certificates.API_PORT}"
        processes = (
            etcd.process(instance),
            registry.process(instance),
            containerd.process(instance),
            control_plane.api_server(instance, addresses),
            control_plane.controller_manager(instance, api),
            control_plane.scheduler(instance, api),
            kubelet.process(instance, addresses, api),
            network.kube_proxy(instance, api),
            network.kube_router(instance, api),
            storage.process(instance, api),
            ports.forwarder(
                "gateway", addresses.gateway_port, f"{addresses.node_ip}:{ports.GATEWAY_NODE_PORT}"
            ),
            ports.forwarder("api", addresses.api_port, api),
            ports.forwarder("registry", addresses.registry_port, f"{addresses.node_ip}:{registry.PORT}"),
            *packages.processes(instance, addresses),
        )
        return Plan(
            instance=self.name,
            folder=str(instance.folder),
            network=network.plan(instance, addresses.host_ip, addresses.node_ip),
            binds={
                kubelet.ROOT: str(instance.folder / "kubelet"),
                "/var/log": str(instance.folder / "var-log"),
            },
            configuration=_content_key(instance.folder / "config"),
            processes=processes,
        )

    def _is_current(self, plan: Plan) -> bool:
        status = namespaces.read_status(self._instance)
        return status is not None and status.plan == plan.digest() and bool(namespaces.holder(self._instance))

    def _is_healthy(self) -> bool:
        return not self.faults()

    def _clean(self) -> None:
        """Stop all processes and remove whatever is global to the machine; keep the instance's files."""
        self._instance.endpoints_file.unlink(missing_ok=True)
        namespaces.end(self._instance)
        network.disconnect(self._instance)
        cgroups.remove(self._instance.cgroup)

    def _start(self, plan: Plan) -> None:
        _allow_inotify_instances()
        cgroups.create(self._instance.cgroup)
        write_atomically(self._instance.plan, plan.text())
        namespaces.start(self._instance, plan)

    def _finish(self, addresses: Addresses, timeout_seconds: float) -> Endpoints:
        """Wait until the cluster is usable, then write and return its endpoints."""
        self.progress("waiting for the API server")
        wait_for("API server", self._api_state, timeout_seconds=min(timeout_seconds, _API_SECONDS))
        addons.apply(self._instance)
        self.progress("waiting for the node and DNS")
        wait_for("cluster", self._cluster_state, timeout_seconds=timeout_seconds, interval_seconds=0.5)
        endpoints = Endpoints(
            kubeconfig=str(self._instance.kubeconfig),
            api=f"https://{ports.LOOPBACK}:{addresses.api_port}",
            gateway=f"http://{ports.LOOPBACK}:{addresses.gateway_port}",
            registry=f"{ports.LOOPBACK}:{addresses.registry_port}",
            node_ip=addresses.node_ip,
        )
        write_atomically(self._instance.endpoints_file, endpoints.text())
        return endpoints

    def _await_pods(self) -> None:
        """Wait for the pods that ran before the cluster broke; report those that do not come back."""
        self.progress("waiting for the pods that ran before")
        status = self._fail_if_hopeless()

        def back() -> str | None:
            self._fail_if_hopeless()
            return addons.pods_state(self._instance, status.started)

        try:
            wait_for("pods", back, timeout_seconds=_READY_SECONDS, interval_seconds=1)
        except ClusterError as error:
            self.progress(str(error))

    def _api_state(self) -> str | None:
        self._fail_if_hopeless()
        try:
            addons.kubectl(self._instance, "get", "--raw=/readyz", timeout_seconds=_ANSWER_SECONDS)
        except ClusterError as error:
            return str(error)
        return None

    def _cluster_state(self) -> str | None:
        status = self._fail_if_hopeless()
        try:
            state = addons.state(self._instance, status.started)
        except ClusterError as error:
            return str(error)
        return state or next(iter(status.faults()), None)

    def _fail_if_hopeless(self) -> namespaces.Status:
        """Raise if waiting is pointless: the supervisor is gone, or a process keeps exiting."""
        status = namespaces.read_status(self._instance)
        if status is None or namespaces.holder(self._instance) is None:
            raise ClusterError(
                f"cluster {self.name!r} is gone: run `python -m cluster up --name {self.name}`"
            )
        for name, entry in status.processes.items():
            if entry["restarts"] >= _HOPELESS_RESTARTS and entry["state"] != "running":
                log = self._instance.logs / f"{name}.log"
                raise ClusterError(
                    f"{name} keeps ending ({entry['last_exit']}): {_last_line(log)}; see {log}"
                )
        return status


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return "it wrote nothing"
    return lines[-1][-300:] if lines else "it wrote nothing"


def _content_key(folder: Path) -> str:
    """Return a digest of all files in a folder: another digest restarts the processes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _allow_inotify_instances() -> None:
    """Raise the one machine-wide limit that many pods exceed; nothing lowers it again."""
    setting = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(setting.read_text()) < _INOTIFY_INSTANCES:
        setting.write_text(str(_INOTIFY_INSTANCES))


def uptime(started: float) -> str:
    """Return the time since a start, as people read it."""
    seconds = max(int(time.time() - started), 0)
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
