"""A deleted experiment is removed from the database, by a command in the server's pod."""

from typing import Any

import pytest

from harness.bench.scale import server
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import stub_cluster
from workloads.errors import WorkloadsError

POD = {
    "metadata": {
        "name": "mlflow-1",
        "labels": {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/component": "server"},
    }
}


class Answer:
    def __init__(self, code: int = 0, *, ends: bool = True) -> None:
        self.returncode = code
        self._ends = ends

    def run_forever(self, timeout: float) -> None:
        assert timeout > 0

    def is_open(self) -> bool:
        return not self._ends

    def close(self) -> None: ...

    def read_stderr(self) -> str:
        return "Traceback\nOperationalError: no database\n"


def purge(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer, *, pod: bool = True) -> list[Any]:
    asked: list[Any] = []

    def stream(_: object, name: str, namespace: str, **options: Any) -> Answer:
        asked.append((name, namespace, options["command"][-1]))
        return answer

    monkeypatch.setattr(server, "stream", stream)
    with stub_cluster(tmp_path) as cluster:
        if pod:
            cluster.add("/api/v1/namespaces/mlflow/pods/mlflow-1", POD)
        server.purge_experiment(endpoints(kubeconfig=cluster.kubeconfig), "7")
    return asked


def test_the_command_runs_in_the_servers_pod(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert purge(tmp_path, monkeypatch, Answer()) == [("mlflow-1", "mlflow", "7")]


@pytest.mark.parametrize(
    ("answer", "pod", "reason"),
    [
        (Answer(1), True, "mlflow gc of experiment 7: OperationalError: no database"),
        (Answer(ends=False), True, "not within 600 s"),
        (Answer(), False, "MLflow: no pod"),
    ],
)
def test_what_keeps_it_is_one_line(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer, pod: bool, reason: str
) -> None:
    with pytest.raises(WorkloadsError, match=reason):
        purge(tmp_path, monkeypatch, answer, pod=pod)
