"""A stack on AWS with its objects on a real Kubernetes API. AWS, nodes, pods and load balancers are
simulated; admission webhooks are off, because no pod runs that could answer them."""

import json
import signal
import threading
from collections.abc import Callable, Generator
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
_Object = dict[str, Any]
_STACK = "dev"
_LOST_NODE = "simulated-0"
# The control plane deletes pods of a node that is gone after 40 s, and looks every 20 s.
_NODE_SECONDS = 180
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


def _run_out_of_patience(cluster: SimulatedCluster, job: _Object) -> None:
    """End a Job whose pod waits for an image that nobody has pushed: its deadline has passed."""
    _patch(cluster, "job", job, {"spec": {"activeDeadlineSeconds": 1}})


def _fail_in_every_try(cluster: SimulatedCluster, job: _Object) -> None:
    """End a Job whose program fails: its last try is over."""
    _patch(cluster, "job", job, {"spec": {"backoffLimit": 0}})
    for pod in cluster.objects("pods"):
        owners = [each["uid"] for each in pod["metadata"].get("ownerReferences", [])]
        if job["metadata"]["uid"] in owners and pod["status"]["phase"] == "Pending":
            _patch(cluster, "pod", pod, {"status": {"phase": "Failed"}}, "--subresource=status")


# What happens to a Job -> the reason that Kubernetes gives.
_ENDS: dict[Callable[[SimulatedCluster, _Object], None], str] = {
    _run_out_of_patience: "DeadlineExceeded",
    _fail_in_every_try: "BackoffLimitExceeded",
}


def _patch(
    cluster: SimulatedCluster, kind: str, obj: _Object, patch: dict[str, Any], *arguments: str
) -> None:
    metadata = obj["metadata"]
    place = (metadata["name"], f"--namespace={metadata['namespace']}")
    cluster.kubectl("patch", kind, *place, "--type=merge", f"--patch={json.dumps(patch)}", *arguments)


@contextmanager
def _no_pod_of_a_job_starts(cluster: SimulatedCluster) -> Generator[None]:
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
                    "[Object.spec.schedulingGates{name: 'plinth.dev/never'}]}}"
                },
            }
        ],
    }
    name = {"metadata": {"name": "no-jobs"}}
    items = [
        {"apiVersion": API, "kind": "MutatingAdmissionPolicy", **name, "spec": policy},
        {
            "apiVersion": API,
            "kind": "MutatingAdmissionPolicyBinding",
            **name,
            "spec": {"policyName": "no-jobs"},
        },
    ]
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    cluster.kubectl("apply", "--filename=-", text=objects)
    try:
        yield
    finally:
        cluster.kubectl("delete", "--filename=-", text=objects)


@contextmanager
def _jobs_fail(
    cluster: SimulatedCluster, end: Callable[[SimulatedCluster, _Object], None]
) -> Generator[set[str]]:
    """Let every Job that starts a pod fail; yield the names of these Jobs."""
    failed: set[str] = set()
    problems: list[AssertionError] = []
    stop = threading.Event()

    def fail() -> None:
        while not (stop.wait(1) or problems):
            try:
                # A pod that was created before the policy took hold is running; its Job completes.
                for job in cluster.objects("jobs"):
                    if job["status"].get("active"):
                        end(cluster, job)
                        failed.add(job["metadata"]["name"])
            except AssertionError as error:
                problems.append(error)

    with _no_pod_of_a_job_starts(cluster):
        thread = threading.Thread(target=fail, daemon=True)
        thread.start()
        try:
            yield failed
        finally:
            stop.set()
            thread.join(timeout=60)
    assert problems == []


def _fail_with_its_jobs(
    simulation: Simulation, cluster: SimulatedCluster, end: Callable[[SimulatedCluster, _Object], None]
) -> None:
    """Run `up` while every Job fails: it must fail too, and name each Job and the reason."""
    with _jobs_fail(cluster, end) as failed:
        stopped = simulation.run("up")
    assert failed
    assert stopped.code != 0
    errors = "\n".join(stopped.summary.errors)
    assert [each for each in failed if each not in errors] == []
    assert _ENDS[end] in errors


def _available(cluster: SimulatedCluster) -> str | None:
    missing = [
        each["metadata"]["name"]
        for each in cluster.objects("deployments")
        if not each["status"].get("availableReplicas")
    ]
    return f"not available: {', '.join(missing)}" if missing else None


def _succeeded(job: _Object) -> bool:
    return bool(job["status"].get("succeeded"))


def _on_other_nodes(cluster: SimulatedCluster) -> str | None:
    left = [
        each["metadata"]["name"]
        for each in cluster.objects("pods")
        if each["spec"].get("nodeName") == _LOST_NODE
    ]
    return f"on the lost node: {', '.join(left)}" if left else _available(cluster)


def _lose(simulation: Simulation, cluster: SimulatedCluster) -> int:
    """Delete a node with all its pods, and every identity of pods in AWS; return how many identities."""
    cluster.kubectl("delete", "node", _LOST_NODE)
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
    for end in _ENDS:
        _fail_with_its_jobs(simulation, cluster, end)
    made = simulation.run_successfully("up")
    assert [each["metadata"]["name"] for each in cluster.objects("jobs") if not _succeeded(each)] == []
    assert made.summary.retried == ()
    assert not made.summary.failed
    assert len(cluster.objects("deployments")) >= 8
    assert _available(cluster) is None
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0

    lost = _lose(simulation, cluster)
    # As `infra up` does for a cluster of its own.
    healed = simulation.run_successfully("up", "--refresh")
    assert healed.summary.changes.get("create") == lost > 0
    wait_for("pods on other nodes", lambda: _on_other_nodes(cluster), timeout_seconds=_NODE_SECONDS)

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
