"""The Experiment of a search, and how its end is waited for."""

import base64
import json
import subprocess
import sys
import zlib
from typing import Any

import pytest
from kubernetes import client, watch

from tests.unit.workloads.experiments import pods
from workloads.experiments import experiment
from workloads.experiments.experiment import experiment_of, run_experiment, trial_job
from workloads.steps.search_spaces import narrowed

SPACE = narrowed("random_forest", ["n_estimators=20..40", "max_depth=4"])
SETTINGS = {"family": "random_forest", "seed": 3}


def job(**labels: str) -> dict[str, Any]:
    return trial_job(pods.step(**labels), "print('ran', sys.argv[2:])", SETTINGS, SPACE, "trial-label")


def body(objective: str = "f1") -> dict[str, Any]:
    return experiment_of(
        "search-abc", pods.step(), job(), SPACE, objective=objective, sampler="tpe", trials=4, seed=3
    )


def test_a_trial_is_the_steps_image_and_size_and_has_no_token_key_or_account() -> None:
    pod = job()["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["resources"]) == (pods.IMAGE, {"limits": {"memory": "3Gi"}})
    assert [each["name"] for each in container["env"]] == ["MLFLOW_TRACKING_URI", "OMP_NUM_THREADS"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod["spec"]
    assert pod["metadata"]["labels"] == {"trial-label": "${trialParameters.trialName}"}
    assert pod["spec"]["securityContext"] == {"runAsNonRoot": True}


def test_a_trial_gets_its_program_and_what_katib_proposes() -> None:
    (container,) = job()["spec"]["template"]["spec"]["containers"]
    assert "${" not in container["command"][-1]
    name, proposed, settings = container["args"]
    numbers = {"n_estimators": "21.5", "min_samples_leaf": "3", "max_features": "0.5"}
    for key, value in numbers.items():
        proposed = proposed.replace(f"${{trialParameters.{key}}}", value)
    assert json.loads(proposed) == {key: float(value) for key, value in numbers.items()}
    assert json.loads(settings) == SETTINGS
    run = subprocess.run(
        [sys.executable, *container["command"][1:], name], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"ran ['{name}']\n"
    program = zlib.decompress(base64.b64decode(container["command"][-1])).decode()
    assert program.startswith("print(")


def test_a_trial_waits_in_the_queue_of_its_step() -> None:
    assert "metadata" not in job()
    queued = job(**{"kueue.x-k8s.io/queue-name": "default"})
    assert queued["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "default"}


def test_trials_run_one_after_another_by_the_seed_and_end_with_the_first_that_fails() -> None:
    spec = body()["spec"]
    assert (spec["parallelTrialCount"], spec["maxTrialCount"], spec["maxFailedTrialCount"]) == (1, 4, 0)
    assert spec["algorithm"]["algorithmSettings"] == [{"name": "random_state", "value": "3"}]
    assert spec["metricsCollectorSpec"] == {"collector": {"kind": "Push"}}
    used = {each["reference"] for each in spec["trialTemplate"]["trialParameters"]}
    assert used == {"${trialSpec.Name}", *(each["name"] for each in spec["parameters"])}


def test_errors_are_made_small_and_an_experiment_goes_with_its_step() -> None:
    assert body("rmse")["spec"]["objective"]["type"] == "minimize"
    assert body("f1")["spec"]["objective"]["type"] == "maximize"
    (owner,) = body()["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Pod", "tune-1", "u1")


class Cluster:
    """The API of experiments: it remembers what was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def create_namespaced_custom_object(self, **_: Any) -> None:
        self.calls.append("create")

    def delete_namespaced_custom_object(self, **_: Any) -> None:
        self.calls.append("delete")

    def list_namespaced_custom_object(self) -> None:
        """Is given to the watch alone."""


def _change(kind: str = "MODIFIED", condition: str = "", message: str = "", **counts: int) -> dict[str, Any]:
    conditions = [{"type": condition, "status": "True", "message": message}] if condition else []
    return {"type": kind, "object": {"status": {"conditions": conditions, **counts}}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(client, "CustomObjectsApi", lambda: made)
    monkeypatch.setattr(experiment.signal, "signal", lambda *_: None)
    return made


def _watched(monkeypatch: pytest.MonkeyPatch, *changes: dict[str, Any]) -> None:
    class Watch:
        def stream(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
            return [*changes]

    monkeypatch.setattr(watch, "Watch", Watch)


def test_a_search_ends_with_its_experiment_and_leaves_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _watched(
        monkeypatch, _change("ADDED"), _change(trials=1, trialsSucceeded=1), _change(condition="Succeeded")
    )
    assert run_experiment(body(), "runs") == ""
    assert cluster.calls == ["create", "delete"]
    assert "1 of 4 trials are complete" in capsys.readouterr().out


def test_a_search_says_why_its_experiment_failed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    _watched(monkeypatch, _change(condition="Failed", message="Experiment has failed because of x"))
    assert run_experiment(body(), "runs") == "Experiment has failed because of x"
    assert cluster.calls == ["create", "delete"]


def test_an_experiment_that_is_gone_ends_the_search(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    _watched(monkeypatch, _change("DELETED"))
    with pytest.raises(RuntimeError, match=r"^experiment search-abc: somebody has deleted it"):
        run_experiment(body(), "runs")
    assert cluster.calls == ["create", "delete"]


def test_an_experiment_in_which_nothing_moves_ends_the_search(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "_PATIENCE_SECONDS", 0.05)
    _watched(monkeypatch, _change(trials=1, trialsRunning=1))
    with pytest.raises(RuntimeError, match=r"nothing has moved for 0.05 s with 0 of 4 trials complete"):
        run_experiment(body(), "runs")
    assert cluster.calls == ["create", "delete"]
