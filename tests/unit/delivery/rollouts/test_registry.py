"""What the controller asks MLflow, and what it makes of an MLflow that does not answer."""

from json import dumps, loads
from typing import Any

import pytest
import requests

from delivery.rollouts.registry import Registry
from tests.fixtures.rollout_records import record


class _Mlflow:
    """Answers every request alike, and keeps what it was asked."""

    def __init__(self, status: int, content: Any = None) -> None:
        self.status_code = status
        self.ok = status < 400
        self.content = content
        self.text = ""
        self.asked: list[tuple[str, Any]] = []

    def json(self) -> Any:
        return self.content

    def raise_for_status(self) -> None:
        if self.status_code >= 500:
            raise requests.HTTPError

    def get(self, _: requests.Session, url: str, params: Any, timeout: float) -> "_Mlflow":
        assert timeout <= 5
        self.asked.append((url, params))
        return self

    def post(self, _: requests.Session, url: str, json: Any, timeout: float) -> "_Mlflow":
        assert timeout <= 5
        self.asked.append((url, json))
        return self


def _registry(monkeypatch: pytest.MonkeyPatch, status: int, content: Any = None) -> tuple[Registry, _Mlflow]:
    mlflow = _Mlflow(status, content)
    monkeypatch.setattr(requests.Session, "get", lambda *given, **more: mlflow.get(*given, **more))
    monkeypatch.setattr(requests.Session, "post", lambda *given, **more: mlflow.post(*given, **more))
    return Registry("http://mlflow:5000/"), mlflow


def _away(monkeypatch: pytest.MonkeyPatch) -> Registry:
    def refuse(*_: Any, **__: Any) -> Any:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", refuse)
    monkeypatch.setattr(requests.Session, "post", refuse)
    return Registry("http://mlflow:5000")


def test_the_champion_is_the_version_with_the_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200, {"model_version": {"version": "7"}})
    assert registry.champion("wine") == "7"
    assert mlflow.asked == [
        (
            "http://mlflow:5000/api/2.0/mlflow/registered-models/alias",
            {"name": "wine", "alias": "champion"},
        )
    ]


@pytest.mark.parametrize(("status", "champion"), [(404, ""), (400, ""), (500, None), (429, None)])
def test_no_alias_is_told_apart_from_no_answer(
    monkeypatch: pytest.MonkeyPatch, status: int, champion: str | None
) -> None:
    registry, _ = _registry(monkeypatch, status)
    assert registry.champion("wine") == champion


def test_an_mlflow_that_is_away_takes_nothing_and_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = _away(monkeypatch)
    assert registry.champion("wine") is None
    assert not registry.set_alias("wine", "champion", "7")
    assert not registry.tag(record())
    assert not registry.keep(record())


def test_an_alias_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200)
    assert registry.set_alias("wine", "previous", "6")
    assert mlflow.asked[0][1] == {"name": "wine", "alias": "previous", "version": "6"}


@pytest.mark.parametrize(("status", "done"), [(200, True), (404, True), (500, False)])
def test_a_version_that_is_not_registered_needs_no_tag(
    monkeypatch: pytest.MonkeyPatch, status: int, *, done: bool
) -> None:
    registry, mlflow = _registry(monkeypatch, status)
    assert registry.tag(record()) is done
    url, body = mlflow.asked[0]
    assert url.endswith("/model-versions/set-tag")
    assert body == {"name": "wine", "version": "7", "key": "rollout.wine-v7-a", "value": record().text()}


def test_no_tag_is_longer_than_the_registry_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200)
    registry.tag(record(reason="r" * 6000))
    assert len(mlflow.asked[0][1]["value"]) == 5000


class _Runs:
    """The runs and files of an MLflow; of each request, the n-th may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, experiment: bool = True) -> None:
        self.experiment = "3" if experiment else ""
        self.runs: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.puts = 0
        self.fails: str = ""
        """End of the URL that answers `status`."""
        self.status = 500
        self.root = "mlflow-artifacts:/3"
        for verb in ("get", "post", "put"):
            monkeypatch.setattr(requests.Session, verb, lambda _, url, **more: self._answer(url, **more))

    def _answer(
        self, url: str, *, params: Any = None, json: Any = None, data: bytes = b"", timeout: float
    ) -> requests.Response:
        assert timeout <= 5
        answer = requests.Response()
        answer.status_code = 200
        if self.fails and self.fails in url:
            answer.status_code = self.status
        elif url.endswith("experiments/get-by-name") and not self.experiment:
            answer.status_code = 404
        else:
            answer._content = dumps(self._do(url, params, json, data)).encode()
        return answer

    def _do(self, url: str, params: Any, body: Any, data: bytes) -> Any:
        if "experiments/" in url:
            self.experiment = "3"
            return {"experiment_id": "3", "experiment": {"experiment_id": "3"}}
        if url.endswith("runs/search"):
            assert body["experiment_ids"] == ["3"]
            assert body["filter"] == "tags.`rollout.name` = 'wine-v7-a'"
            return {"runs": self.runs} if self.runs else {}
        if url.endswith("runs/create"):
            run_id = f"r{len(self.runs)}"
            info = {"run_id": run_id, "status": "RUNNING", "artifact_uri": f"{self.root}/{run_id}/artifacts"}
            self.runs.append({"info": info})
            return {"run": self.runs[-1]}
        if url.endswith("artifacts/list"):
            return {"files": [{"path": name.rpartition("/")[2]} for name in self.files]}
        if url.endswith("runs/update"):
            self.runs[0]["info"]["status"] = body["status"]
            return {}
        self.puts += 1
        self.files[url.partition("/mlflow-artifacts/artifacts/")[2]] = data
        return {}


@pytest.mark.parametrize("experiment", [True, False])
def test_a_record_is_the_artifact_of_a_run_and_written_once(
    monkeypatch: pytest.MonkeyPatch, *, experiment: bool
) -> None:
    mlflow = _Runs(monkeypatch, experiment=experiment)
    registry = Registry("http://mlflow:5000")
    assert registry.keep(record())
    assert {name: loads(text) for name, text in mlflow.files.items()} == {
        "3/r0/artifacts/rollout.json": loads(record().text())
    }
    assert mlflow.runs[0]["info"]["status"] == "FINISHED"
    assert registry.keep(record(because="another tale"))
    assert (len(mlflow.runs), mlflow.puts) == (1, 1)


@pytest.mark.parametrize(
    "fails",
    ["get-by-name", "runs/search", "runs/create", "artifacts/list", "rollout.json", "runs/update"],
)
@pytest.mark.parametrize("status", [500, 503, 429, 403])
def test_whatever_fails_is_done_later_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, fails: str, status: int
) -> None:
    mlflow = _Runs(monkeypatch)
    mlflow.fails, mlflow.status = fails, status
    registry = Registry("http://mlflow:5000")
    assert not registry.keep(record())
    mlflow.fails = ""
    assert registry.keep(record())
    assert (len(mlflow.runs), mlflow.puts, mlflow.runs[0]["info"]["status"]) == (1, 1, "FINISHED")


def test_what_mlflow_never_takes_is_told_and_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mlflow = _Runs(monkeypatch)
    mlflow.fails, mlflow.status = "runs/create", 400
    assert Registry("http://mlflow:5000").keep(record())
    mlflow.fails, mlflow.root = "", "s3://bucket/3"
    assert Registry("http://mlflow:5000").keep(record())
    assert [each.message for each in caplog.records] == [
        "rollout wine-v7-a: its record is no artifact: HTTP 400: ",
        "rollout wine-v7-a: its record is no artifact: MLflow's artifacts at s3 are not written through it",
    ]
    assert mlflow.files == {}


def test_the_figures_are_those_of_the_versions_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {
        "model_version": {"run_id": "training", "tags": [{"key": "gate.run_id", "value": "evaluation"}]},
        "run": {"data": {"metrics": [{"key": "accuracy", "value": 0.95}, {"key": "f1", "value": 1}]}},
    }
    registry, mlflow = _registry(monkeypatch, 200, content)
    assert registry.figures("wine", "7") == {"accuracy": 0.95, "f1": 1.0}
    assert [params for _, params in mlflow.asked] == [
        {"name": "wine", "version": "7"},
        {"run_id": "evaluation"},
    ]


@pytest.mark.parametrize(("status", "content"), [(404, None), (500, None), (200, {}), (200, {"run": 1})])
def test_without_an_evaluation_there_are_no_figures(
    monkeypatch: pytest.MonkeyPatch, status: int, content: Any
) -> None:
    registry, _ = _registry(monkeypatch, status, content)
    assert registry.figures("wine", "7") == {}


def test_metrics_on_held_back_rows_are_those_of_the_evaluation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    run = {"data": {"metrics": [{"key": "accuracy", "value": 0.95}]}}
    gate = [{"key": "gate.run_id", "value": "evaluation"}]
    registry, mlflow = _registry(
        monkeypatch, 200, {"model_version": {"run_id": "training", "tags": gate}, "run": run}
    )
    assert registry.held_back("wine", "7") == {"accuracy": 0.95}
    assert mlflow.asked[-1][1] == {"run_id": "evaluation"}
    # What a run of somebody else calls its accuracy may be that of its own training rows.
    registry, _ = _registry(monkeypatch, 200, {"model_version": {"run_id": "training"}, "run": run})
    assert registry.held_back("wine", "7") == {}
    registry, _ = _registry(monkeypatch, 404)
    assert registry.held_back("wine", "7") == {}


@pytest.mark.parametrize(("status", "content"), [(500, None), (200, {}), (200, {"run": 1})])
def test_an_mlflow_that_does_not_answer_is_no_version_without_evaluation(
    monkeypatch: pytest.MonkeyPatch, status: int, content: Any
) -> None:
    registry, _ = _registry(monkeypatch, status, content)
    with pytest.raises(OSError):  # noqa: PT011 - it is a kind of it for requests, with no text here
        registry.held_back("wine", "7")
    with pytest.raises(OSError):  # noqa: PT011
        _away(monkeypatch).held_back("wine", "7")


def test_the_result_of_an_experiment_is_tagged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200)
    result = {"begunAt": "2026-11-30T12:00:00+00:00", "verdict": "worse", "metric": "accuracy", "says": "x"}
    assert registry.tag(record(experiment=result))
    keys = [body["key"] for _, body in mlflow.asked]
    assert keys[1:] == ["experiment.verdict", "experiment.against", "experiment.metric", "experiment.result"]
