"""A stack on AWS with its objects on a real Kubernetes API. AWS, nodes, pods and load balancers are
simulated; admission webhooks are off, because no pod runs that could answer them."""

import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from cluster.wait import wait_for
from infra.settings.stack import PROJECT
from simulation.aws.computed_outputs import Site
from simulation.aws.played_controllers import load_balancer
from simulation.aws.simulated_cluster import SimulatedCluster, simulated_cluster
from simulation.aws.simulation import Simulation, simulated

pytestmark = pytest.mark.slow
_STACK = "dev"
# Created by the control plane itself.
_OWN_NAMESPACES = {"default", "kube-node-lease", "kube-public", "kube-system"}


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[SimulatedCluster]:
    with simulated_cluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def simulation(cluster: SimulatedCluster, tmp_path: Path) -> Generator[Simulation]:
    site = Site(region="us-east-1", api_server=cluster.server, api_authority=cluster.access.authority())
    with simulated(_STACK, tmp_path / "engine", site=site) as simulation:
        # The kubeconfig of a cluster on AWS gets its token from the AWS CLI.
        cluster.access.place_aws(simulation.engine.folder / "bin")
        simulation.engine.prepare()
        yield simulation


def _interrupt_at_the_first_server(simulation: Simulation) -> None:
    """Run `up`, and press Ctrl-C when the first Deployment is there."""
    interrupted: list[str] = []

    def press(event: dict[str, Any]) -> None:
        done = event.get("resOutputsEvent", {}).get("metadata", {})
        if done.get("type") == "kubernetes:apps/v1:Deployment" and not interrupted:
            interrupted.append(done["urn"])
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        simulation.engine.run("up", on_event=press)
    assert interrupted


def _available(cluster: SimulatedCluster) -> str | None:
    missing = [
        each["metadata"]["name"]
        for each in cluster.objects("deployments")
        if not each["status"].get("availableReplicas")
    ]
    return f"not available: {', '.join(missing)}" if missing else None


def _lose(simulation: Simulation, cluster: SimulatedCluster) -> int:
    """Delete a node with all its pods, and every identity of pods in AWS; return how many identities."""
    cluster.kubectl("delete", "node", "simulated-0")
    kind = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    identities = {
        each["urn"].rsplit("::", 1)[-1] for each in simulation.engine.resources() if each["type"] == kind
    }
    simulation.account.deleted.update(identities)
    return len(identities)


def _open_to_the_internet(simulation: Simulation) -> None:
    content = simulation.engine.choices()
    content["config"][f"{PROJECT}:gateway"] |= {
        "public": True,
        "sourceCidrs": ["198.51.100.0/24"],
        "certificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/1",
    }
    simulation.engine.choose(content)


def test_the_api_accepts_every_object_heals_changes_and_is_clean_after_destroy(
    simulation: Simulation, cluster: SimulatedCluster
) -> None:
    _interrupt_at_the_first_server(simulation)
    made = simulation.run_successfully("up")
    assert made.summary.retried == ()
    assert not made.summary.failed
    assert len(cluster.objects("deployments")) >= 8
    assert _available(cluster) is None
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0

    lost = _lose(simulation, cluster)
    # As `infra up` does for a cluster of its own.
    healed = simulation.run_successfully("up", "--refresh")
    assert healed.summary.changes.get("create") == lost > 0
    wait_for("pods on other nodes", lambda: _available(cluster), timeout_seconds=60)

    _open_to_the_internet(simulation)
    simulation.run_successfully("up")
    (service,) = [each for each in cluster.objects("services") if each["spec"]["type"] == "LoadBalancer"]
    (address,) = service["status"]["loadBalancer"]["ingress"]
    assert address["hostname"] == load_balancer(service), "it has the scheme that it was made with"

    simulation.run_successfully("destroy")
    assert simulation.account.names == {}
    left = {each["metadata"]["name"] for each in cluster.objects("namespaces")} - _OWN_NAMESPACES
    assert left == set()
    assert cluster.objects("customresourcedefinitions") == []
