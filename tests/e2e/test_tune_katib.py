"""Searches by Katib: each trial is a pod of its own and a run of MLflow, and no object is left afterwards.

`make up STACK=full`, then `make verify STACK=full`. What a member of a team does runs with ONLY=teams.
"""

from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from components.access.roles import Role
from components.pipelines.pipeline_steps import POD_LABELS
from harness import chain
from infra.settings.stack import Settings
from tests.e2e import probe
from tests.e2e.two_teams import Team, client_of, holder_of
from workloads import cluster_client, datasets, lineage, pipeline_runs, tokens
from workloads.contract import METRIC_STORE, TRIAL_LABEL
from workloads.endpoints import Endpoints
from workloads.experiments.engines import EXPERIMENTS
from workloads.experiments.trial_runs import trial_runs_of
from workloads.pipelines import compiled, inputs
from workloads.serving.inference_client import InferenceClient
from workloads.tracking import connect
from workloads.wait import wait_for

# Trains models: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_TRIALS = 4
# Few trees: it is the search that is proven.
_SEARCH = ["n_estimators=20..40", "max_depth=2..8"]
_TEAM_SECONDS = 900


@pytest.fixture(scope="module", autouse=True)
def katib(settings: Settings, stack: str) -> None:
    if not settings.tuning.enabled:
        pytest.skip(f"stack {stack} has no Katib: `make up STACK=full`")


@pytest.fixture(scope="module")
def connected(endpoints: Endpoints) -> client.ApiClient:
    return cluster_client.connect(endpoints.kubeconfig)


def _arguments(endpoints: Endpoints, name: str, **choices: Any) -> dict[str, Any]:
    dataset = datasets.prepare(endpoints, "wine", "target", name=name)
    chosen: dict[str, Any] = {
        "objective": "f1",
        "threshold": 0.8,
        "seed": 3,
        "trials": _TRIALS,
        "search": _SEARCH,
        **choices,
    }
    return inputs.for_tuning(dataset, family="random_forest", engine="katib", **chosen)


def _submit(endpoints: Endpoints, name: str, **choices: Any) -> str:
    return pipeline_runs.submit(endpoints, "tune", _arguments(endpoints, name, **choices), cache=False)


@pytest.fixture(scope="module")
def run_ids(endpoints: Endpoints) -> dict[str, str]:
    """All runs, submitted together; the second searches again what the first did."""
    return {
        "tuned-katib": _submit(endpoints, "tuned-katib"),
        "tuned-katib-again": _submit(endpoints, "tuned-katib-again"),
        "tuned-katib-cmaes": _submit(endpoints, "tuned-katib-cmaes", sampler="cmaes", threshold=1.01),
    }


def _search(mlflow: Any, pipeline_run_id: str, name: str) -> tuple[Any, list[Any]]:
    """Return the run of a search, and its trials in order."""
    experiment: Any = mlflow.get_experiment_by_name(name)
    query = f"tags.`kfp.pipeline_run_id` = '{pipeline_run_id}' and tags.`kfp.task` = 'search'"
    runs = mlflow.search_runs([experiment.experiment_id], query)
    (search,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    trials = trial_runs_of(mlflow, experiment.experiment_id, search.info.run_id)
    assert len(trials) == len(runs) - 1
    return search, trials


def _left(connected: client.ApiClient, namespace: str) -> list[str]:
    """Return what experiments have left in a namespace."""
    objects: Any = client.CustomObjectsApi(connected)
    found = [
        each["metadata"]["name"]
        for plural in ("experiments", "suggestions", "trials")
        for each in objects.list_namespaced_custom_object(
            **(EXPERIMENTS | {"plural": plural}), namespace=namespace
        )["items"]
    ]
    core: Any = client.CoreV1Api(connected)
    for label in (TRIAL_LABEL, "katib.kubeflow.org/suggestion"):
        found += [
            each.metadata.name for each in core.list_namespaced_pod(namespace, label_selector=label).items
        ]
    return found


def test_the_best_trials_parameters_are_trained_and_served(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    run = chain.wait_until_finished(endpoints, run_ids["tuned-katib"])
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, "tuned-katib")
    assert lineage.broken_links(traced) == []
    search, trials = _search(connect(endpoints), run.run_id, "tuned-katib")
    assert search.data.params["engine"] == "katib"
    assert [trial.data.tags["trial.number"] for trial in trials] == [str(at) for at in range(_TRIALS)]
    assert {trial.info.status for trial in trials} == {"FINISHED"}
    assert len({trial.data.tags["katib.trial"] for trial in trials}) == _TRIALS
    best = max(trials, key=lambda trial: trial.data.metrics["f1"])
    assert search.data.tags["search.best_run_id"] == best.info.run_id
    assert search.data.metrics["best_f1"] == best.data.metrics["f1"]
    trained = connect(endpoints).get_run(traced.served.mlflow_run_id).data.params
    assert trained.items() >= {key: best.data.params[key] for key in ("n_estimators", "max_depth")}.items()
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    assert InferenceClient(endpoints, "tuned-katib").predict_v1(evidence.instances) == evidence.probabilities


def test_a_second_search_with_the_same_seed_finds_the_same(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    found: list[list[Any]] = []
    for name in ("tuned-katib", "tuned-katib-again"):
        run = chain.wait_until_finished(endpoints, run_ids[name])
        assert run.state == pipeline_runs.SUCCEEDED, run.reason
        search, trials = _search(connect(endpoints), run.run_id, name)
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
    run = chain.wait_until_finished(endpoints, run_ids["tuned-katib-cmaes"])
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: f1 ")
    assert chain.versions(endpoints, "tuned-katib-cmaes") == []
    _, trials = _search(connect(endpoints), run.run_id, "tuned-katib-cmaes")
    assert len(trials) == _TRIALS


def test_a_trial_that_is_killed_ends_the_search_with_its_reason(
    endpoints: Endpoints, run_ids: dict[str, str], connected: client.ApiClient
) -> None:
    for run_id in run_ids.values():
        chain.wait_until_finished(endpoints, run_id)
    namespace = endpoints.pipelines_namespace
    core: Any = client.CoreV1Api(connected)
    run_id = _submit(endpoints, "tuned-katib-killed")

    def running() -> str | None:
        pods = core.list_namespaced_pod(namespace, label_selector=TRIAL_LABEL).items
        up = [pod.metadata.name for pod in pods if pod.status.phase == "Running"]
        if up:
            core.delete_namespaced_pod(up[0], namespace, grace_period_seconds=0)
        return None if up else f"{len(pods)} pods of trials, none of which runs"

    wait_for("a trial", running, timeout_seconds=300, interval_seconds=0.5)
    run = chain.wait_until_finished(endpoints, run_id)
    assert run.state == "FAILED"
    assert run.reason.startswith("search: search: ")
    search, trials = _search(connect(endpoints), run_id, "tuned-katib-killed")
    assert search.info.status == "FAILED"
    assert len(trials) <= 1
    wait_for(
        "the end of the experiment",
        lambda: ", ".join(_left(connected, namespace)) or None,
        timeout_seconds=60,
    )


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"objective": "beauty"}, "validate-data: objective 'beauty': no metric; there are "),
        (
            {"search": ["max_depth=5..2"]},
            "search: search 'max_depth=5..2': empty, 5 is above 2; give LOW..HIGH",
        ),
        ({"sampler": "grid"}, "search: sampler 'grid': unknown; give one of random, tpe, cmaes"),
        ({"engine": "spark"}, "search: engine 'spark': unknown; give one of auto, optuna, katib"),
        ({"early_stopping": True}, "search: early_stopping: Katib's trials here run to their end; give "),
    ],
)
def test_the_step_refuses_what_a_client_let_pass(
    endpoints: Endpoints, connected: client.ApiClient, choices: dict[str, Any], reason: str
) -> None:
    arguments = _arguments(endpoints, "tuned-katib-refused") | choices
    run = chain.wait_until_finished(endpoints, pipeline_runs.submit(endpoints, "tune", arguments))
    assert run.state == "FAILED"
    assert run.reason.startswith(reason)
    assert _left(connected, endpoints.pipelines_namespace) == []


def test_only_trials_reach_the_store_of_metrics(endpoints: Endpoints, api: Any) -> None:
    namespace, image = endpoints.pipelines_namespace, endpoints.workload_image
    for labels, wanted in ((POD_LABELS, "closed"), ({TRIAL_LABEL: "probe"}, "open")):
        expected = {METRIC_STORE: wanted, "postgres-rw.databases:5432": "closed"}
        assert probe.reach(api, namespace, image, expected, labels=labels) == expected


@pytest.mark.teams
def test_a_member_searches_in_the_teams_namespace_with_an_unmodified_client(
    teams: list[Team],
    endpoints: Endpoints,
    connected: client.ApiClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    team, other = teams[0], teams[1]
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens.token(team.endpoints))
    name = f"{team.tenant.team}-tuned"
    arguments = _arguments(team.endpoints, name)
    file = tmp_path / "tune.yaml"
    file.write_text(compiled.text("tune").replace("plinth/workload", team.endpoints.workload_image))
    with holder_of(Role.MEMBER, endpoints, team.tenant.rights_namespace) as token:
        member = client_of(team.url, token)
        run: Any = member.create_run_from_pipeline_package(str(file), arguments, enable_caching=False)
        ended: Any = member.wait_for_run_completion(run.run_id, _TEAM_SECONDS)
    assert ended.state == "SUCCEEDED"
    search, trials = _search(team.mlflow, run.run_id, name)
    assert len(trials) == _TRIALS
    assert search.data.params["engine"] == "katib"
    assert other.mlflow.get_experiment_by_name(name) is None
    assert _left(connected, team.tenant.runs_namespace) == []
