"""What a retraining takes over from the run that made the champion."""

import json

import pytest

from workloads.errors import WorkloadsError
from workloads.retraining.run_inputs import inputs_of

TAGS = {"data.uri": "s3://pipelines/a.csv"}
PARAMS = {
    "data": "s3://pipelines/a.csv",
    "target": "kind",
    "family": "lightgbm",
    "task": "classification",
    "regularization": "0.5",
    "seed": "7",
    "training_rows": "124",
}


def test_a_run_is_like_the_one_that_made_the_champion() -> None:
    found = inputs_of(
        "wine", TAGS, {**PARAMS, "num_leaves": "31", "learning_rate": "0.1"}, {"gate.minimum_f1": "0.8"}
    )
    assert json.loads(found.pop("parameters")) == {"num_leaves": 31.0, "learning_rate": 0.1}
    assert found == {
        "model_name": "wine",
        "data": "s3://pipelines/a.csv",
        "target": "kind",
        "task": "classification",
        "family": "lightgbm",
        "regularization": 0.5,
        "seed": 7,
        "objective": "f1",
        "threshold": 0.8,
    }


def test_an_error_that_must_not_be_passed_stays_one() -> None:
    found = inputs_of("wine", TAGS, PARAMS, {"gate": "passed", "gate.maximum_rmse": "2.5"})
    assert (found["objective"], found["threshold"], found["parameters"]) == ("rmse", 2.5, "")


@pytest.mark.parametrize(
    ("tags", "params"),
    [({}, PARAMS), (TAGS, {}), (TAGS, {**PARAMS, "target": ""}), (TAGS, {**PARAMS, "family": "x"})],
)
def test_a_version_of_another_program_is_refused_in_one_line(
    tags: dict[str, str], params: dict[str, str]
) -> None:
    with pytest.raises(
        WorkloadsError, match=r"^model wine: the version that serves was not made by a pipeline"
    ):
        inputs_of("wine", tags, params, {})
