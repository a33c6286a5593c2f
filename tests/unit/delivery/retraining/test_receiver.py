"""Notifications end in runs and in records that outlive the controller."""

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from delivery.retraining.limits import RetrainingLimits
from delivery.retraining.receiver import Receiver
from tests.unit.delivery.retraining.notifications import alert, notification
from workloads.retraining.records import REFUSED, Attempt

NOW = datetime(2026, 11, 30, 13, tzinfo=UTC)
MLFLOW = "http://mlflow.mlflow:5000"
API = "http://ml-pipeline.kubeflow:8888"
LIMITS = RetrainingLimits(pipelines={"models": API}, image="plinth/workload:v1", cooldown_seconds=3600)
TAGS = {"data.uri": "wine", "gate.run_id": "evaluation"}
PARAMS = {
    "target": "target",
    "family": "linear",
    "task": "classification",
    "regularization": "3.0",
    "seed": "5",
}


class Platform:
    """MLflow and the pipelines API, as the controller meets them."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.tags: dict[str, str] = dict(TAGS)
        self.params = dict(PARAMS)
        self.runs: list[dict[str, Any]] = []
        self.is_pipelines_up = True
        api = f"{MLFLOW}/api/2.0/mlflow"
        calls = {
            ("GET", f"{api}/model-versions/search"): self._versions,
            ("GET", f"{api}/registered-models/get"): self._model,
            ("GET", f"{api}/runs/get"): self._run,
            ("POST", f"{api}/model-versions/set-tag"): self._set_tag,
            ("DELETE", f"{api}/model-versions/delete-tag"): self._delete_tag,
            ("POST", f"{API}/apis/v2beta1/runs"): self._begin,
        }
        for (method, url), answer in calls.items():
            mock.add_callback(method, url, answer)

    @property
    def attempts(self) -> list[Attempt]:
        return [Attempt.of_tag(text) for key, text in self.tags.items() if key.startswith("retraining.")]

    def _versions(self, request: Any) -> Any:
        assert request.params["filter"] == "name = 'wine'"
        tags = [{"key": key, "value": value} for key, value in self.tags.items()]
        return _ok({"model_versions": [{"version": "3", "run_id": "training", "tags": tags}]})

    def _model(self, _: Any) -> Any:
        return _ok({"registered_model": {"name": "wine", "aliases": [{"alias": "champion", "version": "3"}]}})

    def _run(self, request: Any) -> Any:
        pairs = self.params if request.params["run_id"] == "training" else {}
        gate = [] if pairs else [{"key": "gate.minimum_accuracy", "value": "0.85"}]
        params = [{"key": key, "value": value} for key, value in pairs.items()]
        return _ok({"run": {"data": {"params": params, "tags": gate}}})

    def _set_tag(self, request: Any) -> Any:
        body = json.loads(request.body)
        assert (body["name"], body["version"]) == ("wine", "3")
        self.tags[body["key"]] = body["value"]
        return _ok({})

    def _delete_tag(self, request: Any) -> Any:
        del self.tags[json.loads(request.body)["key"]]
        return _ok({})

    def _begin(self, request: Any) -> Any:
        if not self.is_pipelines_up:
            return 503, {}, "down"
        self.runs.append(json.loads(request.body))
        return _ok({"run_id": f"run-{len(self.runs)}"})


def _ok(body: Any) -> Any:
    return 200, {}, json.dumps(body)


@pytest.fixture
def platform() -> Generator[Platform]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Platform(mock)


def receiver(labelled: int = 500, later: float = 0) -> Receiver:
    """Return a controller that has just started."""
    return Receiver({"models": MLFLOW}, LIMITS, lambda *_: labelled, lambda: NOW + timedelta(seconds=later))


def test_an_alert_begins_a_run_like_the_one_that_made_the_champion(platform: Platform) -> None:
    assert receiver().receive(notification(alert())) == (
        200,
        "wine: pipeline run run-1 begins: retrain: ModelInputDrift (feature/alcohol)",
    )
    (run,) = platform.runs
    assert run["display_name"] == "retrain wine"
    assert run["runtime_config"]["parameters"] == {
        "model_name": "wine",
        "data": "wine",
        "target": "target",
        "task": "classification",
        "family": "linear",
        "regularization": 3.0,
        "parameters": "",
        "seed": 5,
        "objective": "accuracy",
        "threshold": 0.85,
        "minimum_rows": 200,
        "reason": "retrain: ModelInputDrift (feature/alcohol)",
    }
    executors = run["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
    assert {each["container"]["image"] for each in executors.values()} == {"plinth/workload:v1"}
    (attempt,) = platform.attempts
    assert (attempt.run_id, attempt.alerts, attempt.because) == ("run-1", ("a1@2026-11-30T12:00:00Z",), "")


def test_the_same_alert_five_times_is_one_run_also_if_the_controller_starts_again(platform: Platform) -> None:
    for hours in range(5):
        status, _ = receiver(later=hours * 7200).receive(notification(alert()))
        assert status == 200
    assert len(platform.runs) == 1


def test_another_alert_waits_for_the_cool_down(platform: Platform) -> None:
    receiver().receive(notification(alert()))
    _, said = receiver(later=60).receive(notification(alert("b2", variable="feature/ash")))
    assert "none begins: the last one began at 2026-11-30T13:00:00Z" in said
    assert len(platform.runs) == 1
    receiver(later=3600).receive(notification(alert("b2", variable="feature/ash")))
    assert len(platform.runs) == 2


def test_without_labels_no_run_begins_and_the_record_says_how_many_are_missing(platform: Platform) -> None:
    status, said = receiver(labelled=12).receive(notification(alert()))
    assert (status, platform.runs) == (200, [])
    assert "none begins: 188 of 200 labelled rows are missing" in said
    assert Attempt.of_tag(platform.tags[REFUSED]).because.startswith("188 of 200 labelled rows are missing")
    receiver(labelled=200, later=60).receive(notification(alert()))
    assert len(platform.runs) == 1


def test_a_pipelines_api_that_is_down_leaves_no_record_and_is_tried_again(platform: Platform) -> None:
    platform.is_pipelines_up = False
    status, said = receiver().receive(notification(alert()))
    assert (status, platform.attempts) == (503, [])
    assert "wine: not decided (HTTPError: 503" in said
    platform.is_pipelines_up = True
    assert receiver().receive(notification(alert()))[0] == 200
    assert len(platform.runs) == 1


def test_while_labels_cannot_be_counted_no_run_begins_and_alertmanager_asks_again(platform: Platform) -> None:
    def count(*_: str) -> int:
        raise OSError("labels of wine cannot be counted: no route to host")

    status, said = Receiver({"models": MLFLOW}, LIMITS, count, lambda: NOW).receive(notification(alert()))
    assert (status, platform.attempts, platform.runs) == (503, [], [])
    assert "wine: not decided (OSError: labels of wine cannot be counted: no route to host)" in said
    assert receiver().receive(notification(alert()))[0] == 200
    assert len(platform.runs) == 1


def test_a_champion_of_another_program_is_not_trained_again(platform: Platform) -> None:
    platform.params = {"family": "linear"}
    status, said = receiver().receive(notification(alert()))
    assert (status, platform.runs) == (200, [])
    assert "was not made by a pipeline of the platform" in said
    assert "was not made by a pipeline" in Attempt.of_tag(platform.tags[REFUSED]).because


def test_alerts_of_other_namespaces_and_what_is_no_notification_begin_nothing(platform: Platform) -> None:
    assert receiver().receive(notification(alert(namespace="elsewhere"))) == (200, "no model has drifted")
    assert receiver().receive(b"{")[0] == 400
    assert platform.runs == []


def test_an_mlflow_that_is_away_is_asked_again_by_alertmanager() -> None:
    with responses.RequestsMock():
        status, said = receiver().receive(notification(alert()))
    assert status == 503
    assert "wine: not decided (ConnectionError" in said
