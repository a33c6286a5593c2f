"""How the simulated cluster starts its programs, and how it judges and ends them."""

import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from simulation.aws import simulated_cluster
from simulation.aws.cluster_access import Access
from simulation.aws.simulated_cluster import SimulatedCluster


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedCluster:
    """A cluster whose programs are not built, and whose kubectl answers with its arguments."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        '#!/bin/sh\ncase "$*" in *fail*) echo "no such thing" >&2; exit 1;; esac\necho "$@"\ncat\n'
    )
    kubectl.chmod(0o755)
    monkeypatch.setattr(simulated_cluster, "binary", lambda name: tmp_path / name)
    (tmp_path / "logs").mkdir()
    access = Access(folder=tmp_path / "access", token="t")
    access.folder.mkdir()
    return SimulatedCluster(server="https://127.0.0.1:1", access=access, logs=tmp_path / "logs")


def test_kubectl_acts_as_the_clusters_administrator(cluster: SimulatedCluster) -> None:
    answer = cluster.kubectl("apply", "--filename=-", text="manifest")
    assert answer == f"--kubeconfig={cluster.access.kubeconfig} apply --filename=-\nmanifest"


def test_a_failed_kubectl_command_is_named_with_its_error(cluster: SimulatedCluster) -> None:
    with pytest.raises(AssertionError, match=r"^kubectl get fail: no such thing$"):
        cluster.kubectl("get", "fail")


def test_nodes_stand_in_three_zones_with_names_of_their_own() -> None:
    nodes = simulated_cluster.nodes(4)
    assert len({each["metadata"]["name"] for each in nodes}) == 4
    zones = [each["metadata"]["labels"]["topology.kubernetes.io/zone"] for each in nodes]
    assert zones == ["a", "b", "c", "a"]


def _node(ready: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ([_node("True")] * 3, None),
        ([_node("True"), _node("True"), _node("False")], "2 of 3 ready"),
        ([_node("True"), {"status": {}}], "1 of 3 ready"),
    ],
)
def test_the_cluster_waits_until_every_node_is_ready(
    cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch, nodes: list[Any], state: str | None
) -> None:
    monkeypatch.setattr(SimulatedCluster, "objects", lambda self, kind: {"nodes": nodes}[kind])
    assert simulated_cluster._nodes_state(cluster) == state


def test_an_api_server_that_ended_fails_the_wait_with_its_log_end(cluster: SimulatedCluster) -> None:
    with simulated_cluster._process(cluster, "kube-apiserver", ["sh", "-c", "echo bad flag"]) as process:
        process.wait(timeout=20)
        with pytest.raises(AssertionError, match="the API server ended: bad flag"):
            simulated_cluster._readiness(cluster, process)


def test_a_process_ends_with_its_context(cluster: SimulatedCluster) -> None:
    sleeper = [sys.executable, "-c", "import signal; signal.pause()"]
    with simulated_cluster._process(cluster, "sleeper", sleeper) as process:
        assert process.poll() is None
    assert process.returncode == -signal.SIGTERM


def test_the_api_server_authorises_by_rbac_and_never_calls_a_webhook(cluster: SimulatedCluster) -> None:
    argv = simulated_cluster._api_server(cluster.access, Path("/data"), 2379, 6443)
    assert {"--authorization-mode=RBAC", "--anonymous-auth=false", "--secure-port=6443"} <= set(argv)
    (disabled,) = [each for each in argv if each.startswith("--disable-admission-plugins=")]
    assert disabled.endswith("MutatingAdmissionWebhook,ValidatingAdmissionWebhook")


def test_every_program_listens_on_loopback_alone(cluster: SimulatedCluster) -> None:
    controllers = simulated_cluster._controllers(cluster.access, "--kubeconfig=k")
    programs = [
        simulated_cluster._api_server(cluster.access, Path("/data"), 2379, 6443),
        *controllers.values(),
    ]
    assert all("--bind-address=127.0.0.1" in argv for argv in programs)
    ports = [each for argv in controllers.values() for each in argv if each.startswith("--secure-port=")]
    assert len(set(ports)) == 2
    etcd = simulated_cluster._etcd(Path("/data"), 2379, 2380)
    urls = [each for each in etcd if "listen" in each and "urls" in each]
    assert len(urls) == 2
    assert all("=http://127.0.0.1:" in each for each in urls)


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = simulated_cluster._free_ports(3)
    assert len(set(ports)) == 3
    with socket.socket() as found:
        found.bind(("127.0.0.1", ports[0]))
