"""A served version and the annotations that record it."""

import pytest

from tests.fixtures.models import SERVED
from workloads.errors import WorkloadsError
from workloads.serving.served_version import ServedVersion

ANNOTATIONS = {
    "plinth.dev/model-name": "wine",
    "plinth.dev/model-version": "3",
    "plinth.dev/model-digest": "d1",
    "plinth.dev/mlflow-run-id": "r1",
    "plinth.dev/data-sha256": "s1",
    "plinth.dev/pipeline-run-id": "p2",
}


def test_a_version_is_recorded_under_these_names() -> None:
    assert SERVED.to_annotations() == ANNOTATIONS


def test_a_version_is_read_back_and_other_annotations_are_ignored() -> None:
    others = {"serving.kserve.io/x": "y", "model-name": "beer"}
    assert ServedVersion.from_annotations({**others, **ANNOTATIONS}) == SERVED


def test_a_service_that_no_pipeline_deployed_is_refused_with_what_it_lacks() -> None:
    partly = {key: value for key, value in ANNOTATIONS.items() if "digest" not in key and "sha" not in key}
    with pytest.raises(
        WorkloadsError, match=r"without plinth\.dev/model-digest, plinth\.dev/data-sha256: not deployed by"
    ):
        ServedVersion.from_annotations(partly)
