"""Bodies of the v1 and v2 protocols and of MLflow's scoring server."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.types import Schema, TensorSpec
from mlflow.types.schema import ParamSchema, ParamSpec
from predictor import codec
from predictor.codec import BinaryReply
from predictor.errors import RequestError
from predictor.served_model import ServedModel

from tests.unit.images.serving_runtime import models

FACTOR = ParamSchema([ParamSpec("factor", "double", 1.0)])
XY = models.columns(("x", "double", True), ("y", "long", True))


def _sum(frame: pd.DataFrame, params: Any = None) -> Any:
    return ((frame["x"] + frame["y"]) * (params or {"factor": 1.0})["factor"]).to_numpy()


@pytest.fixture
def model() -> ServedModel:
    return models.served(_sum, XY, params=FACTOR)


def _v1(model: ServedModel, **request: Any) -> Any:
    return json.loads(codec.answer_v1(model, json.dumps(request).encode()))["predictions"]


def _v2(model: ServedModel, *inputs: dict[str, Any], **more: Any) -> Any:
    reply = codec.answer_v2(model, json.dumps({"inputs": inputs, **more}).encode())
    assert isinstance(reply, bytes)
    return json.loads(reply)


def _invoked(model: ServedModel, **request: Any) -> Any:
    return json.loads(codec.answer_invocations(model, json.dumps(request).encode()))


def _tensor(name: str, datatype: str, *data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data)}


def test_v1_takes_rows_and_columns(model: ServedModel) -> None:
    assert _v1(model, instances=[{"x": 0.5, "y": 1}, {"x": 1.5, "y": 2.0}]) == [1.5, 3.5]
    assert _v1(model, instances=[[0.5, 1]], signature_name="serving_default") == [1.5]
    assert _v1(model, inputs={"x": [0.5, 1.5], "y": [1, 2]}) == [1.5, 3.5]
    assert _v1(model, inputs=[[0.5, 1]]) == [1.5]


@pytest.mark.parametrize("key", ["params", "parameters"])
def test_v1_passes_parameters_to_the_model(model: ServedModel, key: str) -> None:
    assert _v1(model, instances=[[0.5, 1]], **{key: {"factor": 10}}) == [15.0]
    with pytest.raises(RequestError, match="unknown parameters"):
        _v1(model, instances=[[0.5, 1]], **{key: {"facto": 10}})


def test_v2_takes_one_input_per_column_and_parameters(model: ServedModel) -> None:
    inputs = _tensor("y", "INT64", 1, 2), _tensor("x", "FP64", 0.5, 1.5)
    answer = _v2(model, *inputs, id="42", parameters={"factor": 10.0, "content_type": "pd"})
    assert answer == {
        "model_name": "wine",
        "id": "42",
        "outputs": [{"name": "output-0", "datatype": "FP64", "shape": [2], "data": [15.0, 35.0]}],
    }


def test_v2_answers_in_raw_bytes_where_asked_with_or_without_an_id(model: ServedModel) -> None:
    x, y = np.array([0.5, 1.5]), np.array([1, 2])
    head = {
        "inputs": [
            {"name": n, "datatype": d, "shape": [2], "parameters": {"binary_data_size": 16}}
            for n, d in (("x", "FP64"), ("y", "INT64"))
        ],
        "outputs": [{"name": "output-0", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head).encode()
    reply = codec.answer_v2(model, text + x.tobytes() + y.tobytes(), len(text))
    assert isinstance(reply, BinaryReply)
    assert np.frombuffer(reply.payload).tolist() == [1.5, 3.5]
    (output,) = json.loads(reply.head)["outputs"]
    assert output == {
        "name": "output-0",
        "datatype": "FP64",
        "shape": [2],
        "parameters": {"binary_data_size": 16},
    }
    general = {**head, "outputs": [], "parameters": {"binary_data_output": True}}
    text = json.dumps(general).encode()
    assert isinstance(codec.answer_v2(model, text + x.tobytes() + y.tobytes(), len(text)), BinaryReply)


def test_v2_answers_the_outputs_that_are_asked_for() -> None:
    model = models.served(lambda frame: {"a": frame["x"], "b": ["t"] * len(frame)}, XY)
    inputs = _tensor("x", "FP64", 0.5), _tensor("y", "INT64", 1)
    (output,) = _v2(model, *inputs, outputs=[{"name": "b"}])["outputs"]
    assert output == {"name": "b", "datatype": "BYTES", "shape": [1], "data": ["t"]}
    with pytest.raises(RequestError, match="no output 'c': the model answers a, b"):
        _v2(model, *inputs, outputs=[{"name": "c"}])
    with pytest.raises(RequestError, match='"outputs" must be a list'):
        _v2(model, *inputs, outputs=[{"name": []}])


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_split": {"columns": ["y", "x", "id"], "data": [[1, 0.5, 7], [2, 1.5, 8]]}},
        {"dataframe_records": [{"x": 0.5, "y": 1}, {"x": 1.5, "y": 2}]},
        {"instances": [{"x": 0.5, "y": 1}, {"x": 1.5, "y": 2}]},
        {"inputs": {"x": [0.5, 1.5], "y": [1, 2]}},
    ],
)
def test_invocations_takes_every_form_of_mlflow(model: ServedModel, request_: dict[str, Any]) -> None:
    assert _invoked(model, **request_) == {"predictions": [1.5, 3.5]}
    assert _invoked(model, **request_, params={"factor": 2}) == {"predictions": [3.0, 7.0]}


def test_invocations_takes_csv(model: ServedModel) -> None:
    answer = json.loads(codec.answer_csv(model, b"y,x\n1,0.5\n2,1.5\n"))
    assert answer == {"predictions": [1.5, 3.5]}
    with pytest.raises(RequestError, match="the body is not CSV"):
        codec.answer_csv(model, b"")
    with pytest.raises(RequestError, match=r"column 'y': a value is 1\.5, a fraction"):
        codec.answer_csv(model, b"y,x\n1.5,0.5\n")


def test_invocations_passes_a_chat_to_the_model_and_its_answer_back_unwrapped() -> None:
    model = models.served(lambda request: {"said": request["messages"][0]["content"]}, None)
    assert _invoked(model, messages=[{"role": "user", "content": "hi"}]) == {"said": "hi"}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, 'with "dataframe_split" or'),
        ({"instances": [], "inputs": []}, "instances and inputs: send one"),
        ({"dataframe_split": []}, "an object with columns and data"),
        ({"dataframe_split": {"columns": "xy", "data": []}}, "a list of names"),
        ({"dataframe_split": {"columns": ["x", "x"], "data": [[1, 1]]}}, "no name twice"),
        ({"dataframe_records": {}}, "a list of objects"),
    ],
)
def test_malformed_invocations_are_refused(
    model: ServedModel, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        _invoked(model, **request_)


def test_metadata_describes_named_and_unnamed_outputs() -> None:
    named = models.served(len, XY, outputs=Schema([TensorSpec(np.dtype("str"), (-1,), "label")]))
    assert codec.output_types(named) == [{"name": "label", "datatype": "BYTES", "shape": [-1]}]
    columns = models.served(
        len, XY, outputs=models.columns(("low", "double", True), ("high", "double", True))
    )
    assert [each["name"] for each in codec.output_types(columns)] == ["low", "high"]
    assert codec.output_types(models.served(len, XY)) == []
