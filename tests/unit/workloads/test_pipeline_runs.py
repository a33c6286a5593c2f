"""Pipeline runs: steps, durations and reasons, from Argo's nodes and the API."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.fixtures.platforms import ENDPOINTS, OUTPUTS
from tests.fixtures.step_logs import FAILED_STEP
from workloads import pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError


def node(name: str, kind: str, phase: str, began: int, ended: int, *children: str) -> dict[str, Any]:
    return {
        "id": name if name != "executor" else f"executor-{began}",
        "displayName": name,
        "type": kind,
        "phase": phase,
        "startedAt": f"2026-01-01T00:00:{began:02}Z",
        "finishedAt": f"2026-01-01T00:00:{ended:02}Z",
        "children": list(children),
    }


def workflow(*nodes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in nodes}


FAILED = workflow(
    node("root", "DAG", "Failed", 0, 30, "load-data-driver"),
    node("root-driver", "Pod", "Succeeded", 0, 5),
    node("validate-data", "DAG", "Failed", 20, 29, "executor-20"),
    node("validate-data-driver", "Pod", "Succeeded", 15, 20),
    node("executor", "Pod", "Failed", 20, 29),
    node("load-data", "DAG", "Succeeded", 10, 15, "executor-10"),
    node("load-data-driver", "Pod", "Succeeded", 5, 10),
    node("executor", "Skipped", "Skipped", 10, 10),
)


def test_steps_come_in_order_with_their_seconds_and_what_was_cached() -> None:
    found = {step.name: step for step in pipeline_runs.steps(FAILED)}
    assert list(found) == ["load-data", "validate-data"]
    assert (found["load-data"].cached, found["load-data"].seconds) == (True, 10.0)
    assert (found["validate-data"].cached, found["validate-data"].seconds) == (False, 14.0)
    assert found["validate-data"].phase == "Failed"


def test_the_nodes_of_a_large_workflow_are_unpacked() -> None:
    packed = base64.b64encode(gzip.compress(json.dumps(FAILED).encode())).decode()
    assert pipeline_runs.nodes_of({"status": {"compressedNodes": packed}}) == FAILED
    assert pipeline_runs.nodes_of({"status": {"nodes": FAILED}}) == FAILED
    assert pipeline_runs.nodes_of({}) == {}


def test_a_failed_pod_belongs_to_its_step() -> None:
    assert pipeline_runs.step_of(FAILED["executor-20"], FAILED) == "validate-data"
    assert pipeline_runs.step_of(FAILED["validate-data-driver"], FAILED) == "validate-data"


class Api:
    """What the API, the cluster and the log say, in turn."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | Exception, log: str = ""
    ) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.answers = list(answers)
        monkeypatch.setattr(pipeline_runs, "_api", self.call)
        monkeypatch.setattr(pipeline_runs, "_nodes", lambda *_: FAILED)
        monkeypatch.setattr(pipeline_runs, "_log", lambda *_: log)
        monkeypatch.setattr("workloads.wait.time.sleep", lambda _: None)

    def call(self, _: Endpoints, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append((method, path, arguments.get("json")))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


ENDED = {"created_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:01:30Z"}


def test_a_failed_run_has_its_step_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    log = FAILED_STEP.format("ValueError: data: empty")
    api = Api(
        monkeypatch,
        {"state": None},
        WorkloadsError("HTTP 500: invalid connection"),
        {"state": "RUNNING"},
        {"state": "FAILED", **ENDED},
        log=log,
    )
    run = pipeline_runs.wait_until_finished(ENDPOINTS, "r1")
    assert (run.state, run.reason, run.seconds) == ("FAILED", "validate-data: data: empty", 90.0)
    assert len(api.calls) == 4


def test_a_run_whose_workflow_is_gone_has_the_reason_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    Api(
        monkeypatch,
        {"state": "FAILED", "error": {"code": 10, "message": "train: OOMKilled\n(exit 137)"}, **ENDED},
    )
    monkeypatch.setattr(pipeline_runs, "_nodes", lambda *_: {})
    run = pipeline_runs.wait_until_finished(ENDPOINTS, "r1")
    assert run.reason == "train: OOMKilled (exit 137)"


def test_a_step_whose_pod_cannot_start_tells_why() -> None:
    pending = {
        **node("executor", "Pod", "Pending", 8, 8),
        "message": "Unschedulable: 1 Insufficient nvidia.com/gpu",
    }
    waiting = workflow(
        node("train", "DAG", "Running", 8, 8, "executor-8"),
        node("train-driver", "Pod", "Succeeded", 2, 8),
        pending,
    )
    (step,) = pipeline_runs.steps(waiting)
    assert step.waits == "Unschedulable: 1 Insufficient nvidia.com/gpu"
    pending["message"] = "PodInitializing"
    assert pipeline_runs.steps(waiting)[0].waits == ""


@pytest.mark.parametrize("state", ["CANCELED", "SKIPPED"])
def test_every_terminal_state_ends_the_wait(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    Api(monkeypatch, {"state": state, **ENDED})
    assert pipeline_runs.wait_until_finished(ENDPOINTS, "r1", timeout_seconds=3600).state == state


def test_a_run_that_does_not_end_in_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Api(monkeypatch, {"state": "RUNNING", "pipeline_spec": "the whole of it"})
    with pytest.raises(WorkloadsError) as failed:
        pipeline_runs.wait_until_finished(ENDPOINTS, "r1", timeout_seconds=0)
    assert str(failed.value) == "pipeline run r1: not within 0 s; last seen: RUNNING"


def test_a_run_that_waits_says_what_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Api(monkeypatch, {"state": "RUNNING"})
    pending = {**node("executor", "Pod", "Pending", 8, 8), "message": "Unschedulable: 1 Insufficient cpu"}
    nodes = workflow(
        node("train", "DAG", "Running", 8, 8, "executor-8"),
        node("train-driver", "Pod", "Succeeded", 2, 8),
        pending,
    )
    monkeypatch.setattr(pipeline_runs, "_nodes", lambda *_: nodes)
    with pytest.raises(
        WorkloadsError, match=r"last seen: RUNNING; train waits: Unschedulable: 1 Insufficient cpu$"
    ):
        pipeline_runs.wait_until_finished(ENDPOINTS, "r1", timeout_seconds=0)


def test_a_run_is_submitted_with_its_image_and_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, {"run_id": "r1"}, {"run_id": "r2"})
    assert pipeline_runs.submit(ENDPOINTS, "train_register_serve", {"model_name": "wine"}) == "r1"
    method, path, body = api.calls[0]
    assert (method, path) == ("POST", "runs")
    assert body["display_name"] == "train_register_serve wine"
    assert body["runtime_config"] == {"parameters": {"model_name": "wine"}}
    spec = body["pipeline_spec"]["pipeline_spec"]
    assert spec["deploymentSpec"]["executors"]["exec-train"]["container"]["image"] == "plinth/workload:abc"
    pipeline_runs.submit(ENDPOINTS, "train_register_serve", {}, cache=False)
    tasks = api.calls[1][2]["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert all(not task["cachingOptions"] for task in tasks.values())


def test_no_platform_is_one_clear_error() -> None:
    nowhere = Endpoints(**{**OUTPUTS, "gateway_url": "http://127.0.0.1:9"})
    with pytest.raises(
        WorkloadsError, match=r"^pipelines API at http://127\.0\.0\.1:9: ConnectionError; is the"
    ):
        pipeline_runs.submit(nowhere, "train_register_serve", {})


KNOWN: dict[str, Any] = {
    "recurringRuns": [
        {"recurring_run_id": "s0", "display_name": "predict_batch wine"},
        {"recurring_run_id": "s1", "display_name": "predict_batch beer"},
    ]
}


def test_a_schedule_takes_the_place_of_the_former_one(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, KNOWN, {"recurring_run_id": "s2"}, {})
    made = pipeline_runs.schedule(ENDPOINTS, "predict_batch", {"model_name": "wine"}, seconds=7200)
    assert made == "s2"
    assert [each[:2] for each in api.calls] == [
        ("GET", "recurringruns"),
        ("POST", "recurringruns"),
        ("DELETE", "recurringruns/s0"),
    ]
    assert api.calls[1][2]["trigger"] == {"periodic_schedule": {"interval_second": "7200"}}
    assert api.calls[1][2]["display_name"] == "predict_batch wine"


def test_a_schedule_of_no_seconds_ends_the_former_one(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, KNOWN, {})
    assert pipeline_runs.schedule(ENDPOINTS, "predict_batch", {"model_name": "wine"}, seconds=0) == ""
    assert [each[:2] for each in api.calls] == [("GET", "recurringruns"), ("DELETE", "recurringruns/s0")]
