"""A TrainJob is watched to its end, and what nodes say before they are gone is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from tests.unit.workloads.distributed.test_train_jobs import job, pod
from workloads import wait as waiting
from workloads.distributed import running
from workloads.distributed.running import RunningTrainJob
from workloads.distributed.train_jobs import Nodes
from workloads.errors import WorkloadsError


class Cluster:
    """Answers one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.pods: list[list[Any]] = []
        self.workloads: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.refuses: dict[str, int] = {}
        objects, core = client.CustomObjectsApi, client.CoreV1Api
        for verb in (
            "create_namespaced",
            "get_namespaced",
            "delete_namespaced",
            "get_cluster",
            "list_namespaced",
        ):
            monkeypatch.setattr(objects, f"{verb}_custom_object", self._answer(verb))
        monkeypatch.setattr(
            core, "list_namespaced_pod", lambda *_, **__: SimpleNamespace(items=self._next(self.pods))
        )
        monkeypatch.setattr(core, "list_namespaced_resource_quota", lambda *_: SimpleNamespace(items=[]))
        monkeypatch.setattr(waiting.time, "sleep", lambda _: None)

    def _answer(self, verb: str) -> Any:
        def answer(_: Any, plural: str, **__: Any) -> Any:
            self.calls.append(f"{verb} {plural}")
            if plural in self.refuses:
                raise client.ApiException(status=self.refuses[plural])
            if plural == "workloads":
                return {"items": self.workloads}
            if plural == "localqueues":
                return {"spec": {"clusterQueue": "research"}}
            return self._next(self.jobs) if verb == "get_namespaced" else {}

        return answer

    @staticmethod
    def _next(answers: list[Any]) -> Any:
        return answers.pop(0) if len(answers) > 1 else answers[0] if answers else []


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    (tmp_path / "namespace").write_text("runs")
    monkeypatch.setattr(running, "OWN_NAMESPACE", str(tmp_path / "namespace"))
    return Cluster(monkeypatch)


def test_a_lost_node_is_remembered_when_its_pod_is_gone(cluster: Cluster) -> None:
    cluster.jobs = [{}, {}, job("Complete")]
    lost = pod("n-1", code=137, reason="OOMKilled")
    cluster.pods = [[pod(), lost], [pod(), lost], [pod()]]
    watched = RunningTrainJob("nodes-1")
    watched.run({}, 60)
    assert watched.lost == ["n-1 ended with 137: out of memory"]
    assert "delete_namespaced trainjobs" not in cluster.calls


def test_a_failure_names_the_node_and_deletes_the_rest(cluster: Cluster) -> None:
    cluster.jobs = [{}, job("Failed")]
    cluster.pods = [[pod("n-1", code=1, said="no rows")], []]
    with pytest.raises(WorkloadsError) as caught:
        RunningTrainJob("nodes-1").run({}, 60)
    assert str(caught.value) == "train job nodes-1: n-1 ended with 1: no rows (Why: so it is)"
    assert cluster.calls[-1] == "delete_namespaced trainjobs"


def test_a_node_that_can_never_start_ends_the_wait(cluster: Cluster) -> None:
    cluster.jobs = [{}]
    cluster.pods = [[pod("n-1", waiting="ImagePullBackOff")]]
    with pytest.raises(WorkloadsError, match="n-1 cannot start: ImagePullBackOff"):
        RunningTrainJob("nodes-1").run({}, 60)


def test_what_it_waits_for_is_the_reason_of_a_timeout(cluster: Cluster) -> None:
    cluster.jobs = [{}]
    condition = {"type": "QuotaReserved", "status": "False", "message": "insufficient quota for cpu"}
    owned = {"ownerReferences": [{"name": "nodes-1"}]}
    cluster.workloads = [
        {"metadata": {}, "status": {}},
        {"metadata": owned, "status": {"conditions": [condition]}},
    ]
    with pytest.raises(WorkloadsError) as caught:
        RunningTrainJob("nodes-1").run({}, 0)
    assert str(caught.value) == ("train job nodes-1: not within 0 s; last seen: insufficient quota for cpu")
    assert cluster.calls[-1] == "delete_namespaced trainjobs"


@pytest.mark.parametrize(("status", "queue"), [(404, ""), (403, "")])
def test_without_queues_none_is_named(cluster: Cluster, status: int, queue: str) -> None:
    cluster.refuses = {"localqueues": status}
    assert RunningTrainJob("nodes-1").refuse_without_room(Nodes(2, 0.1, "512Mi")) == queue


def test_an_api_that_is_away_is_no_missing_queue(cluster: Cluster) -> None:
    cluster.refuses = {"localqueues": 500}
    with pytest.raises(client.ApiException):
        RunningTrainJob("nodes-1").refuse_without_room(Nodes(2, 0.1, "512Mi"))
