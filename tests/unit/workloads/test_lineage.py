"""Lineage: complete, or which link is broken."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.fixtures.models import COMPLETE, SERVED
from tests.fixtures.platforms import ENDPOINTS
from workloads import lineage
from workloads.errors import WorkloadsError
from workloads.lineage import HeldBack, Lineage, broken_links, data_of
from workloads.serving.inference_services import InferenceServices

RAW = HeldBack(
    features=["size", "colour"],
    classes=[],
    rows=[[1.5, None]],
    labels=[1e6],
    predicted=[1e6],
    probabilities=[],
    kinds=["number", "text"],
)


def test_a_complete_lineage_has_no_broken_link_also_where_training_came_from_the_cache() -> None:
    assert broken_links(COMPLETE) == []
    assert (COMPLETE.pipeline_run_id, COMPLETE.model_version) == ("p2", "3")


@pytest.mark.parametrize(
    ("broken", "link"),
    [
        (replace(COMPLETE, predictor_digest="d0"), "predictor -> digest: 'd0', not 'd1'"),
        (
            replace(COMPLETE, version_uri="s3://mlflow/1/models/m-2/artifacts"),
            "model version -> files served",
        ),
        (replace(COMPLETE, dataset_sha256=""), "training -> data set: '', not 's1'"),
        (replace(COMPLETE, version_run_id="r0"), "model version -> MLflow run: 'r0', not 'r1'"),
        (replace(COMPLETE, evaluation_run_ids=[]), "pipeline run -> evaluation: False, not True"),
        (replace(COMPLETE, evaluation_parent=""), "evaluation -> training: '', not 'r1'"),
        (
            replace(COMPLETE, training_tags={"data.sha256": "s1"}),
            "training -> a pipeline run: False, not True",
        ),
        (replace(COMPLETE, version_tags={}), "model version -> pipeline run: None, not 'p2'"),
        (
            replace(COMPLETE, served=replace(SERVED, pipeline_run_id="")),
            "model version -> pipeline run: 'p2', not ''",
        ),
    ],
)
def test_a_broken_link_is_named(broken: Lineage, link: str) -> None:
    assert broken_links(broken)[0].startswith(link)


SEARCHED = replace(
    COMPLETE,
    training_tags={**COMPLETE.training_tags, "search.run_id": "r9", "search.parameters": "{}"},
    search_tags={"data.sha256": "s1", "search.parameters": "{}"},
    best_trial_parent="r9",
)


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (SEARCHED, []),
        (
            replace(SEARCHED, search_tags={**SEARCHED.search_tags, "data.sha256": "s0"}),
            ["search -> data: 's0', not 's1'"],
        ),
        (
            replace(SEARCHED, search_tags={**SEARCHED.search_tags, "search.parameters": "[]"}),
            ["search -> parameters: '[]', not '{}'"],
        ),
        (replace(SEARCHED, best_trial_parent=""), ["search -> best trial: '', not 'r9'"]),
    ],
)
def test_a_search_belongs_to_the_lineage_of_the_model_that_it_found(
    found: Lineage, broken: list[str]
) -> None:
    assert broken_links(found) == broken


SPREAD = replace(
    COMPLETE,
    training_tags={**COMPLETE.training_tags, "nodes.run_id": "r8"},
    nodes_tags={"data.sha256": "s1", "kfp.pipeline_run_id": "p1", "nodes.train_job": "nodes-p1"},
)


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (SPREAD, []),
        (
            replace(SPREAD, nodes_tags={**SPREAD.nodes_tags, "data.sha256": "s0"}),
            ["nodes -> data: 's0', not 's1'"],
        ),
        (
            replace(SPREAD, nodes_tags={**SPREAD.nodes_tags, "nodes.train_job": "nodes-p0"}),
            ["nodes -> train job: 'nodes-p0', not 'nodes-p1'"],
        ),
    ],
)
def test_several_nodes_belong_to_the_lineage_of_the_model_that_they_trained(
    found: Lineage, broken: list[str]
) -> None:
    assert broken_links(found) == broken


def test_raw_columns_are_sent_by_name_and_a_quantity_is_compared_in_proportion() -> None:
    assert RAW.instances == [{"size": 1.5, "colour": None}]
    assert RAW.answers == [1e6]
    assert RAW.largest_difference([1e6 + 1e-3]) == pytest.approx(1e-9)


def test_a_matrix_is_sent_as_rows_and_its_probabilities_are_compared() -> None:
    found = replace(RAW, kinds=[], rows=[[1.0, 2.0]], classes=["a", "b"], probabilities=[[0.25, 0.75]])
    assert found.instances == [[1.0, 2.0]]
    assert found.largest_difference([[0.5, 0.5]]) == 0.25


def test_a_model_belongs_to_the_data_of_its_newest_version(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow.MlflowClient()
    monkeypatch.setattr(lineage, "connect", lambda _: client)
    assert data_of(ENDPOINTS, "sales") == ""
    run = client.create_run(client.create_experiment("sales"), tags={"data.uri": "s3://b/old.csv"})
    client.create_registered_model("sales")
    client.create_model_version("sales", "s3://b/m1", run.info.run_id)
    assert data_of(ENDPOINTS, "sales") == "s3://b/old.csv"
    client.create_model_version("sales", "s3://b/m2", run.info.run_id, tags={"data.uri": "s3://b/new.csv"})
    assert data_of(ENDPOINTS, "sales") == "s3://b/new.csv"
    # Somebody else's version, without a run and without its data.
    client.create_model_version("sales", "s3://b/m3")
    assert data_of(ENDPOINTS, "sales") == "s3://b/new.csv"


def test_a_model_of_somebody_elses_versions_alone_belongs_to_no_data(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow.MlflowClient()
    monkeypatch.setattr(lineage, "connect", lambda _: client)
    client.create_registered_model("sales")
    client.create_model_version("sales", "s3://b/m1")
    assert data_of(ENDPOINTS, "sales") == ""


def test_a_registry_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def search_model_versions(self, *_: Any, **__: Any) -> None:
            raise MlflowException("no route\nto host")

    monkeypatch.setattr(lineage, "connect", lambda _: Away())
    with pytest.raises(WorkloadsError) as refused:
        data_of(ENDPOINTS, "sales")
    assert str(refused.value) == ("model sales: the registry does not answer (no route); is the platform up?")


@pytest.mark.parametrize(
    ("status", "champion", "expected"),
    [("True", "2", True), ("True", "1", False), ("True", "", False), ("False", "2", False), ("", "2", False)],
)
def test_the_champion_is_served_if_the_ready_version_has_the_alias(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch, status: str, champion: str, *, expected: bool
) -> None:
    client = mlflow.MlflowClient()
    client.create_registered_model("wine")
    for version in ("1", "2"):
        client.create_model_version("wine", f"s3://b/m{version}")
    if champion:
        client.set_registered_model_alias("wine", "champion", champion)
    service = {
        "metadata": {"name": "wine", "annotations": replace(SERVED, model_version="2").to_annotations()},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }
    monkeypatch.setattr(lineage, "connect", lambda _: client)
    monkeypatch.setattr(InferenceServices, "__init__", lambda *_: None)
    monkeypatch.setattr(InferenceServices, "of_model", lambda *_: service if status else None)
    assert lineage.serves_champion(ENDPOINTS, "wine") is expected
