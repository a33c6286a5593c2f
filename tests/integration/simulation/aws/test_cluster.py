"""A stack on AWS with its objects on a real Kubernetes API. AWS, nodes, pods and load balancers are
simulated; admission webhooks are off, because no pod runs that could answer them."""

from collections.abc import Generator
from pathlib import Path

import pytest

from simulation.aws.computed_outputs import Site
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


def test_the_api_accepts_every_object_and_is_clean_after_destroy(
    simulation: Simulation, cluster: SimulatedCluster
) -> None:
    made = simulation.run_successfully("up")
    assert made.summary.retried == ()
    assert not made.summary.failed
    deployments = cluster.objects("deployments")
    assert len(deployments) >= 8
    assert all(each["status"].get("availableReplicas") for each in deployments)
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0
    simulation.run_successfully("destroy")
    assert simulation.account.names == {}
    left = {each["metadata"]["name"] for each in cluster.objects("namespaces")} - _OWN_NAMESPACES
    assert left == set()
    assert cluster.objects("customresourcedefinitions") == []
