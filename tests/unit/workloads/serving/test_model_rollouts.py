"""ModelRollouts of a cluster, through its API."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.models import ROLLOUTS
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.errors import WorkloadsError
from workloads.serving.model_rollout import SERVES, Phase, rollout_body
from workloads.serving.model_rollouts import ModelRollouts, summary


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[StubCluster]:
    with stub_cluster(tmp_path) as found:
        yield found


@pytest.fixture
def rollouts(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch) -> ModelRollouts:
    monkeypatch.setattr("workloads.wait.time.sleep", lambda _: None)
    return ModelRollouts(endpoints(kubeconfig=cluster.kubeconfig))


def add(cluster: StubCluster, name: str, second: int, model_name: str = "wine", **status: Any) -> None:
    made = rollout_body(name, "models", model_name=model_name, version="7", digest="d7", reason="test")
    made["metadata"]["creationTimestamp"] = f"2026-11-30T10:00:{second:02}Z"
    cluster.add(f"{ROLLOUTS}/{name}", {**made, "status": status})


def test_a_rollout_is_named_after_its_version_and_no_two_alike(
    cluster: StubCluster, rollouts: ModelRollouts
) -> None:
    first = rollouts.create("wine", "7", "d7", reason="by hand")
    second = rollouts.create("wine", "7", "d7", reason="again", steps=[], options={"bakeSeconds": 5})
    found = cluster.named("modelrollouts")
    assert list(found) == [first, second]
    assert first != second
    assert first.startswith("wine-v7-")
    assert found[first] == rollout_body(
        first, "models", model_name="wine", version="7", digest="d7", reason="by hand"
    )
    assert found[second]["spec"]["steps"] == []
    assert found[second]["spec"]["bakeSeconds"] == 5


def test_rollouts_of_a_model_are_in_order_of_time_and_none_of_another(
    cluster: StubCluster, rollouts: ModelRollouts
) -> None:
    with pytest.raises(WorkloadsError, match=r"^model wine: has no rollout$"):
        rollouts.current("wine")
    add(cluster, "wine-v7-a", 3)
    add(cluster, "wine-v9-b", 1)
    add(cluster, "wine-v8-c", 2)
    add(cluster, "beer-v1-d", 4, "beer")
    names = [each["metadata"]["name"] for each in rollouts.of_model("wine")]
    assert names == ["wine-v9-b", "wine-v8-c", "wine-v7-a"]
    # The one under way; those after it wait. Once none is, the newest.
    assert rollouts.current("wine")["metadata"]["name"] == "wine-v9-b"
    for each in cluster.named("modelrollouts").values():
        each["status"] = {"phase": "Promoted"}
    assert rollouts.current("wine")["metadata"]["name"] == "wine-v7-a"


def test_an_abort_is_asked_for_and_changes_nothing_else(
    cluster: StubCluster, rollouts: ModelRollouts
) -> None:
    add(cluster, "wine-v7-a", 1)
    before = dict(cluster.objects[f"{ROLLOUTS}/wine-v7-a"]["spec"])
    rollouts.abort("wine-v7-a")
    assert cluster.objects[f"{ROLLOUTS}/wine-v7-a"]["spec"] == {**before, "abort": True}
    assert cluster.changes == ["PATCH modelrollouts/wine-v7-a"]


def test_an_approval_names_the_user_of_the_kubeconfig(
    cluster: StubCluster, rollouts: ModelRollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = cluster.answer

    def with_review(verb: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path == "/apis/authentication.k8s.io/v1/selfsubjectreviews":
            return 201, {"status": {"userInfo": {"username": "ada"}}}
        return answer(verb, path, query, body)

    monkeypatch.setattr(cluster, "answer", with_review)
    add(cluster, "wine-v7-a", 1)
    rollouts.approve("wine-v7-a")
    assert cluster.objects[f"{ROLLOUTS}/wine-v7-a"]["spec"]["approval"] == {"by": "ada"}


def test_a_rollout_that_is_gone_is_one_line(rollouts: ModelRollouts) -> None:
    for call in (rollouts.get, rollouts.abort):
        with pytest.raises(WorkloadsError, match=r"^rollout wine-v7-a: does not exist any more$"):
            call("wine-v7-a")


@pytest.mark.parametrize("status", [403, 409, 422])
def test_a_refusal_is_the_api_servers_own_reason_in_one_line(
    cluster: StubCluster, rollouts: ModelRollouts, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    said = "denied by policy plinth-approval:\n  whoever asked may not approve"
    monkeypatch.setattr(cluster, "answer", lambda *_: (status, {"kind": "Status", "message": said}))
    with pytest.raises(WorkloadsError) as refused:
        rollouts.create("wine", "7", "d7", reason="by hand")
    name, _, reason = str(refused.value).partition(": ")
    assert name.startswith("rollout wine-v7-")
    assert reason == "denied by policy plinth-approval: whoever asked may not approve"


def test_a_refusal_without_a_message_has_the_reason_of_http(
    cluster: StubCluster, rollouts: ModelRollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "answer", lambda *_: (403, "no json"))
    with pytest.raises(WorkloadsError, match=r": Forbidden$"):
        rollouts.create("wine", "7", "d7", reason="by hand")


def becomes(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch, *statuses: dict[str, Any]) -> None:
    """Let each look at the rollout find the next status."""
    left, answer = list(statuses), cluster.answer

    def next_status(verb: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if verb == "GET":
            cluster.objects[path]["status"] = left.pop(0) if len(left) > 1 else left[0]
        return answer(verb, path, query, body)

    monkeypatch.setattr(cluster, "answer", next_status)


def test_the_wait_shows_each_change_once_and_returns_the_rollout(
    cluster: StubCluster, rollouts: ModelRollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cluster, "wine-v7-a", 1)
    some: dict[str, Any] = {"phase": "Progressing", "weight": 5, "reason": "0 of 9 requests failed"}
    baking: dict[str, Any] = {"phase": "Baking", "weight": 100, "reason": "it gets every request"}
    becomes(cluster, monkeypatch, {}, {}, some, some, baking)
    shown: list[str] = []
    found = rollouts.wait("wine-v7-a", SERVES, timeout_seconds=60, show=shown.append)
    assert found["status"] == baking
    assert shown == [
        "Pending, 0 % of requests: the delivery controller has not seen it yet",
        "Progressing, 5 % of requests: 0 of 9 requests failed",
        "Baking, 100 % of requests: it gets every request",
    ]


def test_the_wait_ends_with_the_reason_when_the_rollout_ends_otherwise(
    cluster: StubCluster, rollouts: ModelRollouts
) -> None:
    add(cluster, "wine-v7-a", 1, phase="RolledBack", reason="version 7 was aborted")
    with pytest.raises(WorkloadsError, match=r"^rollout wine-v7-a: version 7 was aborted$"):
        rollouts.wait("wine-v7-a", SERVES, timeout_seconds=60)
    ended = rollouts.wait("wine-v7-a", [Phase.ROLLED_BACK], timeout_seconds=60)
    assert summary(ended) == "RolledBack, 0 % of requests: version 7 was aborted"


def test_the_wait_is_bounded_and_says_what_was_seen_last(
    cluster: StubCluster, rollouts: ModelRollouts
) -> None:
    add(cluster, "wine-v7-a", 1, phase="Pending", reason="version 7 is starting")
    with pytest.raises(
        WorkloadsError, match=r"^rollout wine-v7-a: not within 0 s; last seen: version 7 is starting$"
    ):
        rollouts.wait("wine-v7-a", SERVES, timeout_seconds=0)
