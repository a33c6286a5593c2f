"""Inference parameters reach the model or are refused: none is dropped."""

from typing import Any

import pytest
from mlflow.types.schema import ParamSchema, ParamSpec
from predictor import parameters
from predictor.errors import RequestError

DECLARED = ParamSchema([ParamSpec("factor", "double", 1.0), ParamSpec("mode", "string", "fast")])


def test_declared_parameters_are_completed_with_their_defaults() -> None:
    request = {"parameters": {"factor": 10}, "params": {"mode": "exact"}}
    assert parameters.of_request(request, ("params", "parameters"), DECLARED) == {
        "factor": 10.0,
        "mode": "exact",
    }
    assert parameters.of_request({"params": {}}, ("params",), DECLARED) is None


def test_parameters_of_the_protocol_are_not_the_models() -> None:
    request = {"parameters": {"content_type": "pd", "binary_data_output": True}}
    assert parameters.of_request(request, ("parameters",), None) is None


@pytest.mark.parametrize(
    ("given", "schema", "message"),
    [
        ({"facto": 2}, DECLARED, r"unknown parameters \['facto'\]: the model takes factor, mode"),
        ({"factor": 2}, None, r"unknown parameters \['factor'\]: the model takes none"),
        ({"factor": "much"}, DECLARED, "factor"),
        ([1], DECLARED, '"params" must be an object'),
    ],
)
def test_others_are_refused(given: Any, schema: ParamSchema | None, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        parameters.of_request({"params": given}, ("params",), schema)
