"""A stack on AWS with its objects on a real Kubernetes API. AWS, nodes, pods and load balancers are
simulated; admission webhooks are off, because no pod runs that could answer them."""

import json
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.wait import wait_for
from components.shapes.admission import API, CREATED_PODS
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


@contextmanager
def _images_are_late(cluster: SimulatedCluster) -> Generator[set[str]]:
    """Let no pod of a Job start, and end each Job's patience at once; yield the names of the Jobs.

    The pod of an image that nobody has pushed waits as well, until the deadline of its Job.
    """
    policy: dict[str, Any] = {
        "matchConstraints": dict(CREATED_PODS),
        "matchConditions": [
            {
                "name": "is-of-a-job",
                "expression": "has(object.metadata.ownerReferences) && "
                "object.metadata.ownerReferences.exists(o, o.kind == 'Job')",
            }
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {
                    "expression": "Object{spec: Object.spec{schedulingGates: "
                    "[Object.spec.schedulingGates{name: 'plinth.dev/no-image'}]}}"
                },
            }
        ],
    }
    name = {"metadata": {"name": "late-images"}}
    items = [
        {"apiVersion": API, "kind": "MutatingAdmissionPolicy", **name, "spec": policy},
        {
            "apiVersion": API,
            "kind": "MutatingAdmissionPolicyBinding",
            **name,
            "spec": {"policyName": "late-images"},
        },
    ]
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    cluster.kubectl("apply", "--filename=-", text=objects)
    failed: set[str] = set()
    end = threading.Event()

    def give_up() -> None:
        while not end.wait(1):
            for job in cluster.objects("jobs"):
                metadata = job["metadata"]
                # A pod that was created before the policy took hold is running; its Job completes.
                if job["status"].get("active") and job["spec"].get("activeDeadlineSeconds") != 1:
                    cluster.kubectl(
                        "patch",
                        "job",
                        metadata["name"],
                        f"--namespace={metadata['namespace']}",
                        '--patch={"spec": {"activeDeadlineSeconds": 1}}',
                    )
                    failed.add(metadata["name"])

    thread = threading.Thread(target=give_up, daemon=True)
    thread.start()
    try:
        yield failed
    finally:
        end.set()
        thread.join(timeout=60)
        cluster.kubectl("delete", "--filename=-", text=objects)


def _fail_with_late_images(simulation: Simulation, cluster: SimulatedCluster) -> None:
    """Run `up` while no Job can start: it must fail, and name each Job and what it waited for."""
    with _images_are_late(cluster) as late:
        stopped = simulation.run("up")
    assert late
    assert stopped.code != 0
    errors = "\n".join(stopped.summary.errors)
    assert [each for each in late if each not in errors] == []
    assert "DeadlineExceeded" in errors


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
    _fail_with_late_images(simulation, cluster)
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
