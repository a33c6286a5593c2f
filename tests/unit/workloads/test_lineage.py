"""Lineage: complete, or which link is broken."""

from dataclasses import replace

import pytest

from workloads.lineage import Lineage, annotations_of, broken_links

COMPLETE = Lineage(
    model_name="wine",
    annotations={
        "model-name": "wine",
        "model-version": "3",
        "model-digest": "d1",
        "mlflow-run-id": "r1",
        "data-sha256": "s1",
        "pipeline-run-id": "p2",
    },
    service_uri="s3://mlflow/1/models/m-1/artifacts",
    version_uri="s3://mlflow/1/models/m-1/artifacts",
    version_tags={
        "kfp.pipeline_run_id": "p2",
        "data.sha256": "s1",
        "model.digest": "d1",
        "gate.run_id": "e2",
    },
    version_run_id="r1",
    evaluation_run_ids=["e2"],
    evaluation_parent="r1",
    training_tags={"kfp.pipeline_run_id": "p1", "data.sha256": "s1"},
    dataset_sha256="s1",
    predictor_digest="d1",
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
        (replace(COMPLETE, annotations={}), "model version -> pipeline run: 'p2', not ''"),
    ],
)
def test_a_broken_link_is_named(broken: Lineage, link: str) -> None:
    assert broken_links(broken)[0].startswith(link)


def test_only_our_annotations_count() -> None:
    service = {"metadata": {"annotations": {"plinth.dev/model-version": "3", "serving.kserve.io/x": "y"}}}
    assert annotations_of(service) == {"model-version": "3"}
