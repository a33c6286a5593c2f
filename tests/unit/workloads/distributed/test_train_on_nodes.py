"""Training on several nodes equals training on one, and whatever ends it is one line."""

import json
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pytest
from kfp import dsl
from kubernetes import client, config

from tests.unit.workloads.distributed.processes import Machine
from tests.unit.workloads.steps import trained
from workloads.distributed import running, train_on_nodes

TRAIN_ON_NODES: Any = train_on_nodes.train_on_nodes
# Of probabilities, and of quantities in standard deviations of the target.
BOUND = 1e-3


@pytest.fixture
def machine(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Machine]:
    found = Machine()
    (step_environment / "namespace").write_text("runs")
    monkeypatch.setattr(running, "OWN_NAMESPACE", str(step_environment / "namespace"))
    monkeypatch.setenv("KFP_POD_UID", "uid-1")
    monkeypatch.setattr(config, "load_incluster_config", lambda: None)
    objects, core = client.CustomObjectsApi, client.CoreV1Api
    monkeypatch.setattr(objects, "create_namespaced_custom_object", lambda _, **which: found.create(**which))
    monkeypatch.setattr(objects, "get_namespaced_custom_object", lambda _, **which: found.get(**which))
    monkeypatch.setattr(objects, "get_cluster_custom_object", lambda _, **__: found.queue)
    monkeypatch.setattr(objects, "list_namespaced_custom_object", lambda _, **__: {"items": []})
    monkeypatch.setattr(objects, "delete_namespaced_custom_object", lambda _, **which: found.delete(**which))
    monkeypatch.setattr(core, "list_namespaced_pod", lambda _, *a, **k: found.pods(*a, **k))
    quotas = SimpleNamespace(items=found.quotas)
    monkeypatch.setattr(core, "list_namespaced_resource_quota", lambda *_: quotas)
    try:
        yield found
    finally:
        found.end()


def prepared(folder: Path, data: str, content: str = "") -> tuple[Any, str]:
    dataset: Any = dsl.Dataset(uri=str(folder / "data.csv"))
    if content:
        Path(dataset.path).write_text(content)
        return dataset, "0" * 64
    (sha256,) = trained.LOAD.python_func(data=data, data_sha256="", dataset=dataset)
    return dataset, sha256


def on_nodes(dataset: Any, sha256: str, nodes: int = 2, data: str = "wine", **others: Any) -> str:
    arguments = {"regularization": 1.0, "seed": 0, "wait_seconds": 120, **others}
    (run_id,) = TRAIN_ON_NODES.python_func(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target="target",
        model_name=data,
        nodes=nodes,
        **arguments,
    )
    return run_id


def evidence_of(folder: Path, dataset: Any, sha256: str, data: str, run_id: str = "") -> dict[str, Any]:
    held_back: Any = dsl.Dataset(uri=str(folder / f"held_back{len(run_id)}.json"))
    trained.TRAIN.python_func(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target="target",
        model_name=data,
        regularization=1.0,
        seed=0,
        held_back=held_back,
        family="xgboost",
        nodes_run_id=run_id,
    )
    return json.loads(Path(held_back.path).read_text())


def large() -> str:
    """Return a table with many more rows than bins, some of them without a value."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(4000, 4))
    label = (rows[:, 0] * rows[:, 1] + 0.3 * draw.normal(size=4000)) > 0
    lines = [
        ",".join("" if at % 50 == 7 and place == 2 else f"{value:.9f}" for place, value in enumerate(row))
        + f",{'yes' if label[at] else 'no'}"
        for at, row in enumerate(rows)
    ]
    return "\n".join(["a,b,c,d,target", *lines]) + "\n"


@pytest.mark.parametrize(
    ("data", "content", "nodes"),
    [("large", large(), 3), ("mixed", trained.mixed(), 2)],
)
def test_classes_of_several_nodes_are_those_of_one(
    step_environment: Path, machine: Machine, data: str, content: str, nodes: int
) -> None:
    dataset, sha256 = prepared(step_environment, data, content)
    one = evidence_of(step_environment, dataset, sha256, data)
    run_id = on_nodes(dataset, sha256, nodes, data)
    several = evidence_of(step_environment, dataset, sha256, data, run_id)
    assert several["predicted"] == one["predicted"]
    assert np.abs(np.array(several["probabilities"]) - np.array(one["probabilities"])).max() <= BOUND
    run: Any = mlflow.MlflowClient().get_run(run_id)
    assert run.data.params["nodes"] == str(nodes)
    assert run.data.tags["nodes.lost"] == "0"
    assert run.data.tags["data.sha256"] == sha256
    assert "training_logloss" in run.data.metrics


def test_quantities_of_several_nodes_are_within_the_bound(step_environment: Path, machine: Machine) -> None:
    dataset, sha256 = prepared(step_environment, "mixed", trained.mixed("quantity"))
    one = evidence_of(step_environment, dataset, sha256, "mixed")
    run_id = on_nodes(dataset, sha256, data="mixed")
    several = evidence_of(step_environment, dataset, sha256, "mixed", run_id)
    differences = np.abs(np.array(several["predicted"]) - np.array(one["predicted"]))
    assert differences.max() <= BOUND * np.std(one["labels"])


def test_the_train_job_is_of_this_run_and_in_the_queue(step_environment: Path, machine: Machine) -> None:
    machine.queue = queue("2")
    dataset, sha256 = prepared(step_environment, "wine")
    run_id = on_nodes(dataset, sha256)
    assert mlflow.MlflowClient().get_run(run_id).data.metrics["training_mlogloss"] < 0.1
    metadata, spec = machine.body["metadata"], machine.body["spec"]
    assert metadata["name"] == "nodes-run-1"
    assert metadata["labels"] == {"pipeline/runid": "run-1", "kueue.x-k8s.io/queue-name": "default"}
    assert metadata["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "pod-1", "uid": "uid-1"}
    ]
    assert spec["trainer"]["resourcesPerNode"]["requests"] == {"cpu": "100m", "memory": "512Mi"}
    names = {each["name"] for each in spec["trainer"]["env"]}
    # No key of a store, and no password.
    assert names == {
        "MLFLOW_TRACKING_URI",
        "MLFLOW_DISABLE_TELEMETRY",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR",
        "PLINTH_NODES_RUN",
    }


def queue(cpus: str) -> dict[str, Any]:
    resources = [{"name": "cpu", "nominalQuota": cpus}]
    return {
        "metadata": {"name": "research"},
        "spec": {"resourceGroups": [{"coveredResources": ["cpu"], "flavors": [{"resources": resources}]}]},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodes": 0}, "nodes 0: give 1 to 64"),
        (
            {"family": "linear"},
            "family 'linear': trains on one node; give xgboost, or run train_register_serve",
        ),
        ({"nodes": 60, "data": "mixed"}, "nodes 60: the data has 42 rows to train on; give at most 42"),
        ({"nodes": 3}, "nodes 3: need 0.3 CPUs, and queue research has 0.2; give at most 2"),
    ],
)
def test_what_cannot_be_divided_is_refused_before_anything_is_made(
    step_environment: Path, machine: Machine, given: dict[str, Any], message: str
) -> None:
    if given == {"nodes": 3}:
        machine.queue = queue("200m")
    data = given.pop("data", "wine")
    dataset, sha256 = prepared(step_environment, data, trained.mixed() if data == "mixed" else "")
    with pytest.raises(ValueError, match=r"^(nodes|family)") as caught:
        on_nodes(dataset, sha256, data=data, **given)
    assert str(caught.value) == message
    assert machine.body == {}
    assert mlflow.search_runs(search_all_experiments=True, output_format="list") == []


def test_a_node_that_fails_is_the_reason_and_nothing_is_left(
    step_environment: Path, machine: Machine
) -> None:
    machine.environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{step_environment}/none/x.db"}
    dataset, sha256 = prepared(step_environment, "wine")
    with pytest.raises(RuntimeError) as caught:
        on_nodes(dataset, sha256)
    assert str(caught.value).startswith("train job nodes-run-1: nodes-run-1-node-0-")
    assert "\n" not in str(caught.value)
    assert machine.deleted == ["nodes-run-1"]
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    found: Any = run
    assert found.info.status == "FAILED"
    assert found.data.tags["nodes.reason"] == str(caught.value)
