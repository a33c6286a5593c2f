"""The search of a step by Katib, with a Katib that runs its trials here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kfp import dsl

from tests.unit.workloads.experiments import pods
from tests.unit.workloads.steps.trained import LOAD
from workloads.experiments import katib_search, katib_trial
from workloads.experiments.katib_search import KatibSearch
from workloads.steps.search_spaces import narrowed

SPACE = ["n_estimators=20..30", "max_depth=4"]


@pytest.fixture
def trials(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A search of two trials; what Katib does is given."""
    dataset: Any = dsl.Dataset(uri=str(step_environment / "data.csv"))
    LOAD.python_func(data="wine", data_sha256="", dataset=dataset)
    monkeypatch.setattr(katib_search, "own_namespace", lambda: "runs")
    monkeypatch.setattr(katib_search, "own_pod", lambda _: pods.step())
    monkeypatch.setattr(katib_trial, "push", lambda *_: None)

    def search(katib: Callable[[list[str]], str]) -> Any:
        def run(body: dict[str, Any], namespace: str) -> str:
            assert (namespace, len(body["metadata"]["name"])) == ("runs", 39)
            (container,) = body["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"][
                "containers"
            ]
            return katib(container["args"])

        monkeypatch.setattr(katib_search, "run_experiment", run)
        mlflow.set_experiment("wine")
        with mlflow.start_run() as run_of_search:
            return KatibSearch(
                client=mlflow.MlflowClient(),
                run=run_of_search,
                tags={"kfp.task": "search"},
                store="store:1",
                label="trial-label",
                source="",
            ).trials(
                Path(dataset.path),
                narrowed("random_forest", SPACE),
                objective="f1",
                sampler="tpe",
                count=2,
                settings={
                    "family": "random_forest",
                    "seed": 3,
                    "space": SPACE,
                    "target": "target",
                    "task": "auto",
                },
            )

    return search


def _propose(depth: float) -> str:
    return json.dumps({"n_estimators": depth, "min_samples_leaf": 2, "max_features": 0.5})


def test_trials_of_katib_are_those_of_the_search(trials: Callable[..., Any]) -> None:
    def katib(arguments: list[str]) -> str:
        for at in (20.0, 25.0):
            katib_trial.run_trial(f"search-{at}", _propose(at), arguments[2])
        return ""

    ended, run_ids = trials(katib)
    assert [each.parameters["n_estimators"] for each in ended] == [20, 25]
    assert [each.state for each in ended] == ["complete", "complete"]
    assert set(run_ids) == {0, 1}
    parent = mlflow.MlflowClient().get_run(run_ids[0]).data.tags["mlflow.parentRunId"]
    # The copy of the data is gone.
    assert mlflow.MlflowClient().list_artifacts(parent) == []


def test_a_failed_experiment_has_the_reason_of_its_trial(trials: Callable[..., Any]) -> None:
    def katib(arguments: list[str]) -> str:
        settings = json.dumps(json.loads(arguments[2]) | {"target": "nowhere"})
        with pytest.raises(SystemExit):
            katib_trial.run_trial("search-a", _propose(20.0), settings)
        return "Experiment has failed because max failed count has reached"

    with pytest.raises(ValueError, match=r"^search: trial 0 failed: ValueError: [^\n]*nowhere"):
        trials(katib)


def test_a_pod_that_was_killed_leaves_a_failed_run(trials: Callable[..., Any]) -> None:
    def katib(arguments: list[str]) -> str:
        given = json.loads(arguments[2])
        marks = {"mlflow.parentRunId": given["parent"], "trial.number": "0"}
        mlflow.MlflowClient().create_run(given["experiment_id"], tags=marks)
        return "Experiment has failed because max failed count has reached"

    with pytest.raises(ValueError, match=r"^search: trial 0 failed: its pod ended without a word: out"):
        trials(katib)


def test_an_experiment_that_never_had_a_trial_has_katibs_own_reason(trials: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match=r"^search: no trial has said why; Katib says: Suggestion has failed"
    ):
        trials(lambda _: "Suggestion has failed")
