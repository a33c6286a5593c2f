"""A real Kubernetes API with its controllers and scheduler, on nodes and pods that KWOK simulates.

No container runs: pods are ready at once, and jobs complete at once. No webhook can answer, so the API
server is started without the admission plugins that call webhooks; it validates everything else as usual.
"""

import contextlib
import json
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.wait import wait_for
from components import manifests
from simulation.aws import cluster_access
from simulation.aws.cluster_access import Access
from simulation.aws.played_controllers import PlayedControllers
from upstream.build import binary

NOTICE = "the cluster's API is real; nodes, pods and load balancers are simulated, admission webhooks are off"
_LOOPBACK = "127.0.0.1"
_SERVICE_CIDR = "172.20.0.0/16"
_NODES = 3
_START_SECONDS = 300
_STOP_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class SimulatedCluster:
    """A running simulated cluster."""

    server: str
    access: Access
    logs: Path

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Run kubectl as administrator."""
        argv = [str(binary("kubectl")), f"--kubeconfig={self.access.kubeconfig}", *arguments]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a kind."""
        return json.loads(self.kubectl("get", kind, "--all-namespaces", "--output=json"))["items"]


@contextlib.contextmanager
def simulated_cluster(folder: Path, *, with_nodes: bool = True) -> Generator[SimulatedCluster]:
    """Run a simulated cluster for the duration of the context.

    Args:
        folder: its files and logs.
        with_nodes: whether KWOK simulates nodes; without them pods are admitted and never run.
    """
    access = cluster_access.create(folder)
    etcd, peer, api = _free_ports(3)
    server = f"https://{_LOOPBACK}:{api}"
    access.write_kubeconfig(server)
    cluster = SimulatedCluster(server=server, access=access, logs=folder / "logs")
    cluster.logs.mkdir()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_process(cluster, "etcd", _etcd(folder, etcd, peer)))
        api_server = stack.enter_context(
            _process(cluster, "kube-apiserver", _api_server(access, folder, etcd, api))
        )
        wait_for("the API server", lambda: _readiness(cluster, api_server), timeout_seconds=_START_SECONDS)
        kubeconfig = f"--kubeconfig={access.kubeconfig}"
        for name, argv in _controllers(access, kubeconfig).items():
            stack.enter_context(_process(cluster, name, argv))
        if with_nodes:
            stack.enter_context(_process(cluster, "kwok", _kwok(folder, kubeconfig)))
            cluster.kubectl(
                "apply",
                "--filename=-",
                text=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes(_NODES)}),
            )
            wait_for("nodes", lambda: _nodes_state(cluster), timeout_seconds=_START_SECONDS)
        stack.enter_context(PlayedControllers(server, access))
        yield cluster


def _etcd(folder: Path, client: int, peer: int) -> list[str]:
    address, peers = f"http://{_LOOPBACK}:{client}", f"http://{_LOOPBACK}:{peer}"
    return [
        str(binary("etcd")),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        # The data is thrown away with the test.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server(access: Access, folder: Path, etcd: int, port: int) -> list[str]:
    return [
        str(binary("kube-apiserver")),
        f"--etcd-servers=http://{_LOOPBACK}:{etcd}",
        f"--bind-address={_LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={access.certificate}",
        f"--tls-private-key-file={access.key}",
        f"--token-auth-file={access.tokens}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        f"--cert-dir={folder / 'certificates'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={access.certificate}",
        f"--service-account-signing-key-file={access.key}",
        f"--service-cluster-ip-range={_SERVICE_CIDR}",
        # Webhooks are served by pods, and no pod runs here.
        "--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook",
        "--enable-priority-and-fairness=false",
        "--profiling=false",
    ]


def _controllers(access: Access, kubeconfig: str) -> dict[str, list[str]]:
    common = [kubeconfig, f"--bind-address={_LOOPBACK}", "--leader-elect=false", "--profiling=false"]
    ports = _free_ports(2)
    return {
        "kube-controller-manager": [
            str(binary("kube-controller-manager")),
            *common,
            f"--secure-port={ports[0]}",
            f"--service-account-private-key-file={access.key}",
            f"--root-ca-file={access.certificate}",
            "--use-service-account-credentials=true",
            # KWOK's nodes send no heartbeats.
            "--node-monitor-grace-period=24h",
            # A quota of a kind that was just defined is in force from the next sync on, by default in 5 min.
            "--resource-quota-sync-period=10s",
            f"--flex-volume-plugin-dir={access.folder / 'plugins'}",
            f"--cert-dir={access.folder / 'certificates'}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ],
        "kube-scheduler": [
            str(binary("kube-scheduler")),
            *common,
            f"--secure-port={ports[1]}",
            f"--cert-dir={access.folder / 'certificates'}",
        ],
    }


def _kwok(folder: Path, kubeconfig: str) -> list[str]:
    stages = manifests.load(
        "kwok",
        "sigs.k8s.io/kwok",
        "kustomize/stage/node/fast/node-initialize.yaml",
        "kustomize/stage/pod/fast/pod-ready.yaml",
        "kustomize/stage/pod/fast/pod-complete.yaml",
        "kustomize/stage/pod/fast/pod-delete.yaml",
    )
    file = folder / "stages.yaml"
    file.write_text("\n---\n".join(json.dumps(each) for each in stages))
    return [
        str(binary("kwok")),
        kubeconfig,
        f"--config={file}",
        "--manage-all-nodes",
        f"--server-address={_LOOPBACK}:0",
    ]


def nodes(count: int) -> list[dict[str, Any]]:
    """Return nodes large enough for the platform."""
    resources = {"cpu": "64", "memory": "256Gi", "pods": "250", "ephemeral-storage": "500Gi"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"simulated-{number}",
                "labels": {
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": f"simulated-{number}",
                    "topology.kubernetes.io/zone": "abc"[number % 3],
                },
            },
            "status": {"allocatable": resources, "capacity": resources},
        }
        for number in range(count)
    ]


def _readiness(cluster: SimulatedCluster, process: "subprocess.Popen[bytes]") -> str | None:
    if process.poll() is not None:
        lines = (cluster.logs / "kube-apiserver.log").read_text(errors="replace").splitlines()
        raise AssertionError(f"the API server ended: {lines[-1] if lines else 'its log is empty'}")
    try:
        cluster.kubectl("get", "--raw=/readyz")
    except AssertionError as error:
        return str(error)
    return None


def _nodes_state(cluster: SimulatedCluster) -> str | None:
    conditions = [
        {each["type"]: each["status"] for each in node["status"].get("conditions", [])}
        for node in cluster.objects("nodes")
    ]
    ready = sum(each.get("Ready") == "True" for each in conditions)
    return None if ready == _NODES else f"{ready} of {_NODES} ready"


@contextlib.contextmanager
def _process(cluster: SimulatedCluster, name: str, argv: list[str]) -> Generator["subprocess.Popen[bytes]"]:
    """Run a process for the duration of the context; it also ends when this process dies."""
    with (cluster.logs / f"{name}.log").open("w") as log:
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cluster.access.folder,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
