"""What is refused before a training begins, what a TrainJob looks like, and what is said of one."""

from types import SimpleNamespace
from typing import Any

import pytest

from workloads.distributed.train_jobs import (
    Nodes,
    ended,
    quantity,
    refuse_beyond_quota,
    refuse_nodes,
    refuse_sizes,
    train_job,
    why_a_node_ended,
    why_a_node_never_starts,
    why_failed,
    why_it_waits,
)


def cluster_queue(*cpus: str, borrowing: str | None = None, cohort: str = "") -> dict[str, Any]:
    limit = {} if borrowing is None else {"borrowingLimit": borrowing}
    flavors = [{"resources": [{"name": "cpu", "nominalQuota": each, **limit}]} for each in cpus]
    return {
        "metadata": {"name": "research"},
        "spec": {"resourceGroups": [{"flavors": flavors}], **({"cohortName": cohort} if cohort else {})},
    }


def quota(**hard: str) -> dict[str, Any]:
    return {"metadata": {"name": "team"}, "spec": {"hard": hard}}


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", 0.25), ("2", 2), ("0.5", 0.5), ("1k", 1000), ("512Mi", 2**29), ("2Gi", 2**31)],
)
def test_quantities_are_numbers(text: str, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0, "xgboost", None), "nodes 0: give 1 to 64"),
        ((65, "xgboost", None), "nodes 65: give 1 to 64"),
        (
            (2, "lightgbm", None),
            "family 'lightgbm': trains on one node; give xgboost, or run train_register_serve",
        ),
        ((5, "xgboost", 4), "nodes 5: the data has 4 rows to train on; give at most 4"),
    ],
)
def test_what_cannot_be_divided_is_refused(given: tuple[int, str, int | None], message: str) -> None:
    with pytest.raises(ValueError, match=r"nodes|family") as caught:
        refuse_nodes(*given)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("cpus", "memory", "message"),
    [
        (0.0, "512Mi", "cpus_per_node 0.0: give 0.05 or more"),
        (float("nan"), "512Mi", "cpus_per_node nan: give 0.05 or more"),
        (1, "much", "memory_per_node 'much': give a quantity of 256Mi or more, such as 512Mi or 2Gi"),
        (1, "1Mi", "memory_per_node '1Mi': give a quantity of 256Mi or more, such as 512Mi or 2Gi"),
    ],
)
def test_nodes_of_no_size_are_refused(cpus: float, memory: str, message: str) -> None:
    with pytest.raises(ValueError, match="per_node") as caught:
        refuse_sizes(cpus, memory)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nodes", "queue", "quotas", "message"),
    [
        (3, cluster_queue("0.2"), [], "nodes 3: need 0.3 CPUs, and queue research has 0.2; give at most 2"),
        (1, cluster_queue("0"), [], "nodes 1: need 0.1 CPUs, and queue research has 0; give at most 0"),
        (
            4,
            cluster_queue("0.2", borrowing="100m", cohort="teams"),
            [],
            "nodes 4: need 0.4 CPUs, and queue research has 0.3; give at most 3",
        ),
        (
            4,
            None,
            [quota(pods="4")],
            "nodes 4: need 4 more pods, and ResourceQuota team has 3; give at most 3",
        ),
        (
            9,
            None,
            [quota(**{"requests.cpu": "800m"})],
            "nodes 9: need 0.9 CPUs, and ResourceQuota team has 0.8; give at most 8",
        ),
    ],
)
def test_more_nodes_than_a_quota_can_ever_give_are_refused(
    nodes: int, queue: dict[str, Any] | None, quotas: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValueError, match="nodes") as caught:
        refuse_beyond_quota(Nodes(nodes, 0.1, "512Mi"), queue, quotas)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "queue",
    [
        None,
        cluster_queue("0.2"),
        cluster_queue("0.1", "0.1"),
        # Others may lend it as much as they have.
        cluster_queue("0", cohort="teams"),
        cluster_queue("0.1", borrowing="0.1", cohort="teams"),
        # Of GPUs alone.
        {"metadata": {"name": "research"}, "spec": {"resourceGroups": []}},
    ],
)
def test_what_may_start_at_some_time_waits_in_the_queue(queue: dict[str, Any] | None) -> None:
    refuse_beyond_quota(Nodes(2, 0.1, "512Mi"), queue, [quota(pods="12", **{"requests.memory": "1Gi"})])


def test_a_train_job_without_a_queue_names_none() -> None:
    body = train_job(
        "nodes-1",
        Nodes(2, 0.5, "1Gi"),
        program="pass",
        environment={"A": "b"},
        labels={"pipeline/runid": "1"},
        owner={"name": "pod", "uid": "u"},
        queue="",
        deadline_seconds=60,
    )
    assert body["metadata"]["labels"] == {"pipeline/runid": "1"}
    assert body["spec"] == {
        "runtimeRef": {"name": "xgboost-distributed"},
        "activeDeadlineSeconds": 60,
        "trainer": {
            "numNodes": 2,
            "command": ["python3", "-c", "pass"],
            "env": [{"name": "A", "value": "b"}],
            "resourcesPerNode": {
                "requests": {"cpu": "500m", "memory": "1Gi"},
                "limits": {"memory": "1Gi"},
            },
        },
    }


def job(type_: str, status: str = "True") -> dict[str, Any]:
    return {
        "status": {"conditions": [{"type": type_, "status": status, "reason": "Why", "message": "so it is"}]}
    }


def test_conditions_say_whether_it_has_ended() -> None:
    assert ended({}) == ""
    assert ended(job("Suspended")) == ""
    assert ended(job("Failed", "False")) == ""
    assert ended(job("Complete")) == "Complete"
    assert ended(job("Failed")) == "Failed"
    assert why_failed(job("Failed")) == "Why: so it is"
    assert why_failed({}) == "no reason"


def pod(
    name: str = "n-0",
    *,
    code: int | None = None,
    at: int = 0,
    said: str = "",
    reason: str = "Error",
    **others: Any,
) -> Any:
    gone = None
    if code is not None:
        gone = SimpleNamespace(exit_code=code, finished_at=at, message=said, reason=reason)
    waits = others.get("waiting")
    waiting = SimpleNamespace(reason=waits, message="no such image") if waits else None
    state = SimpleNamespace(terminated=gone, waiting=waiting)
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name),
        status=SimpleNamespace(
            container_statuses=[SimpleNamespace(state=state)], conditions=others.get("conditions", [])
        ),
    )


def test_the_node_that_ended_first_is_the_reason() -> None:
    assert why_a_node_ended([pod(), pod(code=0)]) == ""
    lost = pod("n-1", code=137, at=1, reason="OOMKilled")
    assert why_a_node_ended([pod("n-0", code=1, at=2, said="x\nlost\n"), lost]) == (
        "n-1 ended with 137: out of memory"
    )
    assert why_a_node_ended([pod("n-0", code=1, at=2, said="x\nlost\n")]) == "n-0 ended with 1: lost"
    assert why_a_node_ended([pod("n-0", code=137)]) == "n-0 ended with 137"


def test_an_image_that_does_not_exist_ends_the_wait() -> None:
    assert why_a_node_never_starts([pod(waiting="ContainerCreating")]) == ""
    assert why_a_node_never_starts([pod(waiting="InvalidImageName")]) == (
        "n-0 cannot start: InvalidImageName: no such image"
    )


def test_the_quota_is_named_before_the_room_of_the_cluster() -> None:
    no_room = SimpleNamespace(
        type="PodScheduled", status="False", message="0/1 nodes", reason="Unschedulable"
    )
    waits = {"type": "QuotaReserved", "status": "False", "message": "insufficient quota for cpu"}
    workload = {"status": {"conditions": [waits]}}
    assert why_it_waits([pod(conditions=[no_room])], [workload]) == "insufficient quota for cpu"
    assert why_it_waits([pod(conditions=[no_room])], []) == "0/1 nodes"
    assert why_it_waits([pod()], [{"status": {}}]) == ""
