"""Pods of the simulated tier, and the state that each is in."""

from typing import Any

import pytest

from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL
from simulation.gpus import pods


def test_a_pod_asks_for_gpus_by_its_limit_alone() -> None:
    pod = pods.pod("p", "research", gpus=2)
    assert pod["metadata"] == {"name": "p", "namespace": "research"}
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"][GPU_RESOURCE] == "2"
    assert set(pod["spec"]) == {"containers"}


def test_a_pod_chooses_a_pool_by_label() -> None:
    assert pods.pod("p", "research", pool="training")["spec"]["nodeSelector"] == {POOL_LABEL: "training"}


def test_a_pod_without_gpus_names_none() -> None:
    (container,) = pods.pod("p", "research")["spec"]["containers"]
    assert GPU_RESOURCE not in container["resources"]["limits"]


def test_members_of_a_gang_name_it_and_its_size() -> None:
    members = pods.gang("g", 3, "research", gpus=8, pool="training")
    assert [each["metadata"]["name"] for each in members] == ["g-0", "g-1", "g-2"]
    for each in members:
        assert each["metadata"]["labels"] == {"kueue.x-k8s.io/pod-group-name": "g"}
        assert each["metadata"]["annotations"] == {
            "kueue.x-k8s.io/pod-group-total-count": "3",
            "kueue.x-k8s.io/retriable-in-group": "false",
        }


QUEUED = {"spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}, "status": {"phase": "Pending"}}
PENDING = {"spec": {}, "status": {"phase": "Pending"}}
RUNNING = {"spec": {"nodeName": "n"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(("pod", "state"), [(QUEUED, "queued"), (PENDING, "pending"), (RUNNING, "running")])
def test_a_state_says_who_holds_the_pod(pod: dict[str, Any], state: str) -> None:
    assert pods.state(pod) == state


def test_states_are_counted() -> None:
    assert pods.states([QUEUED, RUNNING, RUNNING]) == {"queued": 1, "running": 2}
    assert pods.states([]) == {}


@pytest.mark.parametrize(
    ("reason", "message"), [("Unschedulable", "0/3 nodes are available"), ("SchedulingGated", "")]
)
def test_only_the_schedulers_own_reason_is_reported(reason: str, message: str) -> None:
    scheduled = {"type": "PodScheduled", "reason": reason, "message": "0/3 nodes are available"}
    assert pods.unschedulable({"status": {"conditions": [scheduled]}}) == message
    assert pods.unschedulable({"status": {}}) == ""
