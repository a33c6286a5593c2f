"""Training on several nodes: equal to one, alive after a lost node, and refused or failed with a reason.

`make up STACK=full`, then `make verify STACK=full`: where the stack has teams, a member of one does all this.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kubernetes import client

from components.pipelines.pipeline_steps import ACCOUNT
from components.training.training_jobs import JOBSET_LABEL
from harness import chain
from infra.settings.stack import Settings
from tests.fixtures.admission_cases import pod
from workloads import cluster_client, datasets, lineage, pipeline_runs
from workloads.contract import TRAIN_JOBS, TRAINING_API
from workloads.endpoints import Endpoints
from workloads.pipelines import inputs
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices
from workloads.tracking import connect
from workloads.wait import wait

# Trains models: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_BOUND = 1e-3
_ROWS = 4000
_LOST_SECONDS = 300


@pytest.fixture(scope="module")
def place(endpoints: Endpoints, settings: Settings, stack: str) -> Endpoints:
    """The platform as a member of the first team sees it, if there are teams."""
    if not settings.training.enabled:
        pytest.skip(f"stack {stack} trains on one node: `make up STACK=full`, then STACK=full")
    named = [each.name for each in settings.teams if each.pipelines]
    return Endpoints.of_stack(stack, named[0]) if named else endpoints


def _table() -> bytes:
    """Return a table with more rows than XGBoost has bins."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(_ROWS, 6))
    labels = (rows[:, 0] * rows[:, 1] + 0.02 * draw.normal(size=_ROWS)) > 0
    lines = [
        f"{','.join(f'{value:.6f}' for value in row)},{'yes' if label else 'no'}"
        for row, label in zip(rows, labels, strict=True)
    ]
    return "\n".join(["a,b,c,d,e,f,target", *lines]).encode()


@pytest.fixture(scope="module")
def run_ids(place: Endpoints) -> Mapping[str, str]:
    """All runs, submitted together, as each mostly waits."""
    data = chain.upload(place, "many-rows.csv", _table())

    def submit(name: str, pipeline: str, **choices: Any) -> str:
        dataset = datasets.prepare(place, data, "target", name=name)
        made = inputs.for_nodes if pipeline == "train_distributed" else inputs.for_training
        return pipeline_runs.submit(place, pipeline, made(dataset, **choices), cache=False)

    return {
        "one": submit("one-node", "train_register_serve", family="xgboost"),
        "two": submit("two-nodes", "train_distributed", nodes=2),
        "below the gate": submit("two-nodes-too-bad", "train_distributed", minimum_accuracy=1.01),
    }


def _succeeded(place: Endpoints, run_id: str) -> None:
    run = chain.wait_until_finished(place, run_id)
    assert (run.state, run.reason) == ("SUCCEEDED", "")


def _nodes_run(place: Endpoints, name: str, run_id: str) -> Any:
    """Return the MLflow run of the nodes of a pipeline run."""
    mlflow = connect(place)
    experiment: Any = mlflow.get_experiment_by_name(name)
    query = f"tags.`kfp.pipeline_run_id` = '{run_id}' and tags.`kfp.task` = 'train-on-nodes'"
    (found,) = mlflow.search_runs([experiment.experiment_id], query)
    return found


def test_two_nodes_find_the_model_of_one_and_it_answers_as_at_training_time(
    place: Endpoints, run_ids: Mapping[str, str]
) -> None:
    for each in ("one", "two"):
        _succeeded(place, run_ids[each])
    one, two = (
        lineage.read_held_back(place, lineage.trace(place, name).served.mlflow_run_id)
        for name in ("one-node", "two-nodes")
    )
    assert two.rows == one.rows
    assert two.predicted == one.predicted
    assert np.abs(np.array(two.probabilities) - np.array(one.probabilities)).max() <= _BOUND
    traced = lineage.trace(place, "two-nodes")
    assert lineage.broken_links(traced) == []
    assert traced.nodes_tags["nodes.train_job"] == f"nodes-{run_ids['two']}"
    assert (
        two.largest_difference(InferenceClient(place, "two-nodes").predict_v1(two.instances)) <= two.tolerance
    )


def test_node_0_has_logged_the_loss_of_every_round_and_the_trees(
    place: Endpoints, run_ids: Mapping[str, str]
) -> None:
    _succeeded(place, run_ids["two"])
    run = _nodes_run(place, "two-nodes", run_ids["two"])
    mlflow = connect(place)
    losses = [each.value for each in mlflow.get_metric_history(run.info.run_id, "training_logloss")]
    assert len(losses) == 100
    assert losses[-1] < losses[0] / 2
    assert run.data.params["nodes"] == "2"
    files = {each.path for each in mlflow.list_artifacts(run.info.run_id, "nodes")}
    assert files == {
        "nodes/job.json",
        "nodes/rows-0.npz",
        "nodes/rows-1.npz",
        "nodes/checkpoint.ubj",
        "nodes/trees.ubj",
    }
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            np.load(mlflow.download_artifacts(run.info.run_id, f"nodes/rows-{node}.npz", folder))
            for node in range(2)
        ]
        assert sum(len(part["labels"]) for part in parts) == _ROWS * 7 // 10
        job = json.loads(
            Path(mlflow.download_artifacts(run.info.run_id, "nodes/job.json", folder)).read_text()
        )
    assert job["rounds"] == 100


def test_nodes_hold_no_key_and_no_account(place: Endpoints, run_ids: Mapping[str, str]) -> None:
    _succeeded(place, run_ids["two"])
    pods = _pods(place, run_ids["two"])
    assert len(pods) == 2
    for each in pods:
        assert each.spec.service_account_name == "default"
        assert each.spec.automount_service_account_token is False
        assert [volume.name for volume in each.spec.volumes] == ["tmp"]
        (container,) = each.spec.containers
        references = [variable.value_from for variable in container.env if variable.value_from]
        assert not [found for found in references if found.secret_key_ref]
        names = {variable.name for variable in container.env}
        assert not {name for name in names if "KEY" in name or "PASSWORD" in name}


@pytest.mark.parametrize(
    ("account", "labels", "reason"),
    [
        (ACCOUNT, {}, f"a training node runs as default, not as {ACCOUNT}"),
        ("default", {"app.kubernetes.io/name": "mlflow"}, "give the training node others"),
    ],
)
def test_a_node_is_no_step_and_no_server(
    place: Endpoints, account: str, labels: dict[str, str], reason: str
) -> None:
    core: Any = client.CoreV1Api(cluster_client.connect(place.kubeconfig))
    body = pod(labels={JOBSET_LABEL: "nodes", **labels}, serviceAccountName=account)
    with pytest.raises(client.ApiException) as refused:
        core.create_namespaced_pod(place.pipelines_namespace, body, dry_run="All")
    assert reason in str(refused.value.body)


def test_what_misses_the_gate_is_trained_and_not_registered(
    place: Endpoints, run_ids: Mapping[str, str]
) -> None:
    run = chain.wait_until_finished(place, run_ids["below the gate"])
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: ")
    assert connect(place).search_model_versions("name = 'two-nodes-too-bad'") == []
    assert InferenceServices(place).of_model("two-nodes-too-bad") is None


def _pods(place: Endpoints, run_id: str) -> list[Any]:
    core: Any = client.CoreV1Api(cluster_client.connect(place.kubeconfig))
    return core.list_namespaced_pod(
        place.pipelines_namespace, label_selector=f"{JOBSET_LABEL}=nodes-{run_id}"
    ).items


def _running(place: Endpoints, run_id: str, node: str, *, besides: set[str]) -> Any:
    """Wait until a node runs whose pod is not one of these, and return the pod."""

    def read() -> Any:
        return next(
            (
                each
                for each in _pods(place, run_id)
                if each.status.phase == "Running"
                and each.metadata.uid not in besides
                and each.metadata.name.startswith(f"nodes-{run_id}-node-0-{node}-")
            ),
            None,
        )

    return wait(
        f"node {node} of {run_id}", read, ready=bool, timeout_seconds=_LOST_SECONDS, interval_seconds=0.5
    )


def _lose(place: Endpoints, run_id: str, besides: set[str]) -> None:
    node = _running(place, run_id, "1", besides=besides)
    besides.add(node.metadata.uid)
    core: Any = client.CoreV1Api(cluster_client.connect(place.kubeconfig))
    core.delete_namespaced_pod(node.metadata.name, node.metadata.namespace, grace_period_seconds=0)


def _submit_again(place: Endpoints, name: str) -> str:
    data = chain.upload(place, "many-rows.csv", _table())
    dataset = datasets.prepare(place, data, "target", name=name)
    return pipeline_runs.submit(place, "train_distributed", inputs.for_nodes(dataset), cache=False)


def test_more_nodes_than_rows_are_refused_before_anything_is_made(place: Endpoints) -> None:
    rows = "".join(f"{at}.5,{'ab'[at % 2]}\n" for at in range(40))
    data = chain.upload(place, "few-rows.csv", f"size,target\n{rows}".encode())
    dataset = datasets.prepare(place, data, "target", name="few-rows")
    arguments = inputs.for_nodes(dataset, nodes=30, cpus_per_node=0.05)
    run = chain.wait_until_finished(place, pipeline_runs.submit(place, "train_distributed", arguments))
    assert run.state == "FAILED"
    assert run.reason == "train-on-nodes: nodes 30: the data has 28 rows to train on; give at most 28"
    assert connect(place).get_experiment_by_name("few-rows") is None


def test_more_nodes_than_the_quota_are_refused_before_anything_is_made(
    endpoints: Endpoints, settings: Settings, stack: str
) -> None:
    bounded = [each for each in settings.teams if each.quota and each.quota.as_kubernetes().get("pods")]
    if not settings.training.enabled or not bounded:
        pytest.skip(f"stack {stack} has no team with a quota of pods that trains on several nodes")
    team = Endpoints.of_stack(stack, bounded[0].name)
    arguments = inputs.for_nodes(datasets.prepare(team, "wine", "target", name="no-room"), nodes=60)
    run = chain.wait_until_finished(team, pipeline_runs.submit(team, "train_distributed", arguments))
    assert run.state == "FAILED"
    assert run.reason.startswith("train-on-nodes: nodes 60: need ")
    assert connect(team).get_experiment_by_name("no-room") is None


@pytest.mark.fault
def test_a_lost_node_starts_all_again_and_the_model_is_the_same(
    place: Endpoints, run_ids: Mapping[str, str]
) -> None:
    run_id = _submit_again(place, "one-lost")
    _lose(place, run_id, set())
    _succeeded(place, run_id)
    _succeeded(place, run_ids["two"])
    objects: Any = client.CustomObjectsApi(cluster_client.connect(place.kubeconfig))
    jobset = objects.get_namespaced_custom_object(
        "jobset.x-k8s.io", "v1alpha2", place.pipelines_namespace, "jobsets", f"nodes-{run_id}"
    )
    assert jobset["status"]["restarts"] == 1
    found, wanted = (
        lineage.read_held_back(place, lineage.trace(place, name).served.mlflow_run_id)
        for name in ("one-lost", "two-nodes")
    )
    assert found.predicted == wanted.predicted
    assert np.abs(np.array(found.probabilities) - np.array(wanted.probabilities)).max() <= _BOUND


@pytest.mark.fault
def test_the_third_lost_node_ends_the_run_with_its_reason(place: Endpoints) -> None:
    run_id = _submit_again(place, "three-lost")
    besides: set[str] = set()
    for _ in range(3):
        _lose(place, run_id, besides)
    run = chain.wait_until_finished(place, run_id)
    assert run.state == "FAILED"
    assert run.reason.startswith(f"train-on-nodes: train job nodes-{run_id}: ")
    assert "\n" not in run.reason
    objects: Any = client.CustomObjectsApi(cluster_client.connect(place.kubeconfig))
    left = objects.list_namespaced_custom_object(*TRAINING_API, place.pipelines_namespace, TRAIN_JOBS)
    assert f"nodes-{run_id}" not in [each["metadata"]["name"] for each in left["items"]]
    assert _nodes_run(place, "three-lost", run_id).info.status == "FAILED"
