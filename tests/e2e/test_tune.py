"""Searches on the platform: every trial in MLflow, the best one served, and what is refused or fails."""

from typing import Any

import pytest

from harness import chain
from workloads import datasets, lineage, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipelines import inputs
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices
from workloads.tracking import connect

# Trains models: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_TRIALS = 8
# Few trees: it is the search that is proven.
_SEARCH = ("n_estimators=20..40", "max_depth=2..8")


def _submit(endpoints: Endpoints, name: str, *, cache: bool, **choices: Any) -> str:
    dataset = datasets.prepare(endpoints, "wine", "target", name=name)
    arguments = inputs.for_tuning(
        dataset,
        family="random_forest",
        objective="f1",
        trials=_TRIALS,
        search=_SEARCH,
        early_stopping=True,
        seed=3,
        **choices,
    )
    return pipeline_runs.submit(endpoints, "tune", arguments, cache=cache)


@pytest.fixture(scope="module")
def run_ids(endpoints: Endpoints) -> dict[str, str]:
    """All runs, submitted together, as each mostly waits; the second searches again what the first did."""
    return {
        "tuned": _submit(endpoints, "tuned", cache=False, threshold=0.8),
        "tuned-again": _submit(endpoints, "tuned-again", cache=False, threshold=0.8),
        "tuned-too-little": _submit(endpoints, "tuned-too-little", cache=False, threshold=1.01),
    }


def _search(endpoints: Endpoints, pipeline_run_id: str, name: str) -> tuple[Any, list[Any]]:
    """Return the run of a search, and its trials in order."""
    mlflow = connect(endpoints)
    experiment: Any = mlflow.get_experiment_by_name(name)
    query = f"tags.`kfp.pipeline_run_id` = '{pipeline_run_id}' and tags.`kfp.task` = 'search'"
    runs = mlflow.search_runs([experiment.experiment_id], query)
    (search,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == search.info.run_id]
    assert len(trials) == len(runs) - 1
    return search, sorted(trials, key=lambda run: int(run.data.tags["trial.number"]))


def test_the_best_trials_parameters_are_trained_and_served(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    run = chain.wait_until_finished(endpoints, run_ids["tuned"])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, "tuned")
    assert lineage.broken_links(traced) == []
    search, trials = _search(endpoints, run.run_id, "tuned")
    assert [trial.data.tags["trial.number"] for trial in trials] == [str(at) for at in range(_TRIALS)]
    statuses = {"complete": "FINISHED", "pruned": "KILLED"}
    assert all(statuses[trial.data.tags["trial.state"]] == trial.info.status for trial in trials)
    complete = [trial for trial in trials if trial.data.tags["trial.state"] == "complete"]
    best = max(complete, key=lambda trial: trial.data.metrics["f1"])
    assert search.data.tags["search.best_run_id"] == best.info.run_id
    assert search.data.metrics["best_f1"] == best.data.metrics["f1"]
    assert traced.training_tags["search.run_id"] == search.info.run_id
    trained = connect(endpoints).get_run(traced.served.mlflow_run_id).data.params
    assert trained.items() >= {key: best.data.params[key] for key in ("n_estimators", "max_depth")}.items()
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    assert InferenceClient(endpoints, "tuned").predict_v1(evidence.instances) == evidence.probabilities


def test_a_second_search_with_the_same_seed_finds_the_same(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    found: list[list[Any]] = []
    for name in ("tuned", "tuned-again"):
        run = chain.wait_until_finished(endpoints, run_ids[name])
        assert run.state == pipeline_runs.SUCCEEDED, run.reason
        search, trials = _search(endpoints, run.run_id, name)
        found.append(
            [
                search.data.tags["search.parameters"],
                *((each.data.params, each.data.metrics) for each in trials),
            ]
        )
    assert found[0] == found[1]


def test_a_tuned_model_below_the_threshold_is_neither_registered_nor_served(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    run = chain.wait_until_finished(endpoints, run_ids["tuned-too-little"])
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: f1 ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    assert chain.versions(endpoints, "tuned-too-little") == []
    assert InferenceServices(endpoints).versions_of("tuned-too-little") == []


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"search": ["max_depth=5..2"]}, "search 'max_depth=5..2': empty, 5 is above 2; give LOW..HIGH"),
        ({"trials": 0}, "trials 0: give at least 1"),
        ({"sampler": "grid"}, "sampler 'grid': unknown; give one of random, tpe, cmaes"),
    ],
)
def test_the_step_refuses_what_a_client_let_pass(
    endpoints: Endpoints, choices: dict[str, Any], reason: str
) -> None:
    dataset = datasets.prepare(endpoints, "wine", "target", name="tuned-refused")
    arguments = inputs.for_tuning(dataset, family="random_forest")
    with pytest.raises(WorkloadsError) as refused:
        inputs.for_tuning(dataset, family="random_forest", **choices)
    assert str(refused.value) == reason
    run_id = pipeline_runs.submit(endpoints, "tune", {**arguments, **choices})
    run = chain.wait_until_finished(endpoints, run_id)
    assert (run.state, run.reason) == ("FAILED", f"search: {reason}")
    assert "train" not in {step.name for step in run.steps}
