"""Columns of every MLflow type become frames that MLflow's own enforcement takes as they are."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import utils
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import Array, DataType, Map, Object, Property
from predictor.columns import Columns
from predictor.errors import RequestError
from predictor.tensors import Tensor

from tests.unit.images.serving_runtime import models

VALUES: dict[str, tuple[list[Any], Any]] = {
    "boolean": ([True, False], np.array([True, False])),
    "integer": ([3, -1], np.array([3, -1], dtype="int32")),
    "long": ([2**53 + 1, 3.0], np.array([2**53 + 1, 3])),
    "float": ([0.1, 2], np.array([0.1, 2], dtype="float32")),
    "double": ([0.1, None], np.array([0.1, np.nan])),
    "string": (["Łódź", None], np.array(["Łódź", None], dtype=object)),
    "binary": ([base64.b64encode(b"\0\xff").decode(), ""], np.array([b"\0\xff", b""], dtype=object)),
    "datetime": (
        ["2024-02-29T12:30:00", "2025-01-01"],
        np.array(["2024-02-29T12:30", "2025-01-01"], dtype="datetime64[ns]"),
    ),
}
# What MLflow itself makes of a frame; its types say that it may be anything.
_enforce_schema: Any = utils._enforce_schema
ALL = models.columns(*((name, name, True) for name in VALUES))


def _expected() -> pd.DataFrame:
    return pd.DataFrame({name: column for name, (_, column) in VALUES.items()})


def _forms() -> dict[str, pd.DataFrame]:
    columns = Columns.of_schema(ALL)
    given = {name: values for name, (values, _) in VALUES.items()}
    lists = [list(row) for row in zip(*given.values(), strict=True)]
    objects = [dict(zip(given, row, strict=True)) for row in lists]
    turned = [row[::-1] for row in lists]
    return {
        "objects": columns.from_rows(objects),
        "lists": columns.from_rows(lists),
        "columns": columns.from_columns(given),
        "split": columns.from_split(list(given)[::-1], turned),
    }


@pytest.mark.parametrize("form", ["objects", "lists", "columns", "split"])
def test_every_type_arrives_in_every_form_and_mlflow_changes_nothing(form: str) -> None:
    frame = _forms()[form]
    pd.testing.assert_frame_equal(frame, _expected())
    pd.testing.assert_frame_equal(_enforce_schema(frame, ALL), _expected())


def test_every_type_arrives_as_tensors() -> None:
    datatypes = {"binary": [b"\0\xff", b""], "datetime": [b"2024-02-29T12:30:00", b"2025-01-01"]}
    tensors = [
        Tensor(
            name=name,
            array=np.array(datatypes.get(name, column.tolist()), dtype=object)
            if column.dtype.kind in "OM"
            else column.reshape(-1, 1),
        )
        for name, (_, column) in VALUES.items()
    ]
    pd.testing.assert_frame_equal(Columns.of_schema(ALL).from_tensors(tensors), _expected())


def test_json_tensors_have_dates_and_bytes_as_text() -> None:
    schema = models.columns(("b", "binary", True), ("d", "datetime", True))
    tensors = [
        Tensor(name="b", array=np.array(["AP8="], dtype=object)),
        Tensor(name="d", array=np.array(["2025-01-01"], dtype=object)),
    ]
    frame = Columns.of_schema(schema).from_tensors(tensors)
    assert (frame["b"][0], frame["d"][0]) == (b"\0\xff", pd.Timestamp("2025-01-01"))


def test_one_tensor_may_hold_all_columns() -> None:
    schema = models.columns(("n", "long", True), ("m", "integer", True))
    frame = Columns.of_schema(schema).from_tensors([Tensor(name="x", array=np.array([[1, 2], [3, 4]]))])
    assert frame.to_dict(orient="list") == {"n": [1, 3], "m": [2, 4]}
    assert frame.dtypes.tolist() == [np.int64, np.int32]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("long", 3.5, "column 'x': a value is 3.5, a fraction"),
        ("long", None, "column 'x': a value is null"),
        ("integer", 2**31, "does not fit INT32"),
        ("boolean", "false", "a string: the model takes booleans"),
        ("boolean", None, "null: the model takes booleans"),
        ("double", "1.5", "a string: the model takes numbers"),
        ("string", 5, "a number: the model takes text"),
        ("binary", "not base64!", "not base64"),
        ("binary", 5, "a number: the model takes bytes"),
        ("datetime", 1709164800000, "a number: the model takes text"),
        ("datetime", "yesterday or so", "not a date such as"),
        ("datetime", "2024-02-29T12:30:00Z", "has a time zone"),
    ],
)
def test_values_that_would_change_their_meaning_are_refused(kind: str, value: Any, message: str) -> None:
    columns = Columns.of_schema(models.columns(("x", kind, True), ("y", "double", True)))
    with pytest.raises(RequestError, match=message):
        columns.from_rows([{"x": value, "y": 1.0}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "non-empty list"),
        (5, "non-empty list"),
        ([[1.0]], "row 0 has 1 values: the model takes 2"),
        ([{"x": 1}], "row 0: missing column 'y'"),
        ([{"x": 1, "y": 1}, {"x": 1, "Y": 1}], r"row 1: missing column 'y', unknown columns \['Y'\]"),
        ([{"x": 1, "y": 1}, [1, 1]], "all objects or all lists"),
        ([1, 2], "all objects or all lists of 2 values"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_the_reason(rows: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Columns.of_schema(models.columns(("x", "long", True), ("y", "double", True))).from_rows(rows)


def test_columns_and_tensors_that_do_not_fit_are_refused() -> None:
    columns = Columns.of_schema(models.columns(("x", "long", True), ("y", "double", True)))
    one, two = np.array([1]), np.array([1.0, 2.0])
    for call, message in (
        (lambda: columns.from_columns({"x": [1]}), r"missing columns \['y'\]"),
        (lambda: columns.from_columns({"x": [1], "y": [1, 2]}), "as many values"),
        (lambda: columns.from_columns({"x": [1], "y": 1}), "'y' must be a list"),
        (lambda: columns.from_split(["x", "y"], [[1]]), "a list of 2 values"),
        (lambda: columns.from_split(["x", "y"], []), "non-empty list"),
        (lambda: columns.from_tensors([Tensor(name="x", array=one)]), r"missing columns \['y'\]"),
        (
            lambda: columns.from_tensors([Tensor(name="z", array=one)]),
            r"shape \[1\]: the model takes one input",
        ),
        (
            lambda: columns.from_tensors([Tensor(name=n, array=two) for n in "xy"]),
            "is FP64: the model takes INT64",
        ),
        (
            lambda: columns.from_tensors([Tensor(name="x", array=one), Tensor(name="y", array=two)]),
            "with the same n",
        ),
        (
            lambda: columns.from_tensors([Tensor(name=n, array=np.ones((1, 2), int)) for n in "xy"]),
            r"a column takes \[n\] or \[n, 1\]",
        ),
    ):
        with pytest.raises(RequestError, match=message):
            call()


def test_further_columns_are_dropped_as_mlflow_does() -> None:
    columns = Columns.of_schema(models.columns(("x", "long", True), ("y", "string", True)))
    assert list(columns.from_rows([{"id": 7, "y": "a", "x": 1}])) == ["x", "y"]
    assert list(columns.from_columns({"id": [7], "y": ["a"], "x": [1]})) == ["x", "y"]
    assert list(columns.from_split(["id", "y", "x"], [[7, "a", 1]])) == ["x", "y"]


def test_an_optional_column_may_be_absent_or_hold_nulls() -> None:
    schema = models.columns(("x", "double", True), ("n", "long", False), ("b", "boolean", False))
    columns = Columns.of_schema(schema)
    assert list(columns.from_rows([{"x": 1.0}])) == ["x"]
    frame = columns.from_rows([{"x": 1.0, "n": 4, "b": True}, {"x": 2.0, "n": None}])
    assert frame["n"].tolist()[0] == 4
    assert np.isnan(frame["n"][1])
    assert frame["b"].tolist() == [True, None]
    assert columns.has_nulls_in_whole_numbers(frame)
    assert not columns.has_nulls_in_whole_numbers(columns.from_rows([{"x": 1.0, "n": 4}]))
    with pytest.raises(RequestError, match="send them apart"):
        columns.from_rows([{"x": 1.0, "n": 2**53 + 1}, {"x": 2.0, "n": None}])


def test_lists_objects_and_maps_are_left_to_mlflow() -> None:
    inner = Object([Property("a", DataType.long)])
    schema = Schema(
        [ColSpec(Array(DataType.long), "l"), ColSpec(inner, "o"), ColSpec(Map(DataType.string), "m")]
    )
    row = {"l": [1, 2], "o": {"a": 5}, "m": {"k": "v"}}
    columns = Columns.of_schema(schema)
    tensors = [
        Tensor(name="l", array=np.array([[1, 2]])),
        *(Tensor(name=n, array=np.array([json.dumps(row[n])], dtype=object)) for n in "om"),
    ]
    assert _enforce_schema(columns.from_rows([row]), schema).to_dict(orient="records") == [row]
    assert _enforce_schema(columns.from_tensors(tensors), schema).to_dict(orient="records") == [row]
    with pytest.raises(RequestError, match="not the JSON of an object"):
        columns.from_tensors([*tensors[:2], Tensor(name="m", array=np.array(["{"], dtype=object))])


def test_columns_without_names_are_taken_in_order() -> None:
    columns = Columns.of_schema(Schema([ColSpec("long"), ColSpec("string")]))
    assert columns.from_rows([[1, "a"]]).to_dict(orient="list") == {0: [1], 1: ["a"]}
    with pytest.raises(RequestError, match="have no names"):
        columns.from_columns({"x": [1]})
    texts = Columns.of_schema(Schema([ColSpec("string")]))
    assert texts.from_rows(["a", "b"]).to_dict(orient="list") == {0: ["a", "b"]}
    array = np.array(["a", "b"], dtype=object)
    assert texts.from_tensors([Tensor(name="x", array=array)]).to_dict(orient="list") == {0: ["a", "b"]}


def test_metadata_names_every_column_its_datatype_and_whether_it_may_be_left_out() -> None:
    schema = Schema(
        [ColSpec("long", "n"), ColSpec("string", "t", required=False), ColSpec(Array("double"), "v")]
    )
    assert Columns.of_schema(schema).input_types() == [
        {"name": "n", "datatype": "INT64", "shape": [-1]},
        {"name": "t", "datatype": "BYTES", "shape": [-1], "parameters": {"optional": True}},
        {"name": "v", "datatype": "FP64", "shape": [-1, -1]},
    ]
