"""Lineage: complete, or which link is broken."""

from dataclasses import replace

import pytest

from tests.fixtures.models import COMPLETE, SERVED
from workloads.lineage import Lineage, broken_links


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
