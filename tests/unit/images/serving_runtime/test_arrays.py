"""Tensors of any rank and dtype, one without a name or several by name."""

from typing import Any

import numpy as np
import pytest
from mlflow.models.utils import _enforce_schema
from mlflow.types import Schema, TensorSpec
from predictor.arrays import Arrays
from predictor.errors import RequestError
from predictor.tensors import Tensor

IMAGES = Schema([TensorSpec(np.dtype("float32"), (-1, 2, 2, 3))])
PAIR = Schema([TensorSpec(np.dtype("int64"), (-1, 2), "ids"), TensorSpec(np.dtype("str"), (-1,), "text")])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int64", "bool"])
@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 3, 1), (2, 1, 2, 3)])
def test_any_rank_and_dtype_arrives_as_mlflow_takes_it(dtype: str, shape: tuple[int, ...]) -> None:
    schema = Schema([TensorSpec(np.dtype(dtype), (-1, *shape[1:]))])
    array = (np.arange(np.prod(shape)) % 2).astype(dtype).reshape(shape)
    arrays = Arrays.of_schema(schema)
    for given in (arrays.from_rows(array.tolist()), arrays.from_tensors([Tensor(name="any", array=array)])):
        assert (given.dtype, given.tolist()) == (array.dtype, array.tolist())
        _enforce_schema(given, schema)


def test_several_tensors_arrive_by_name_in_every_form() -> None:
    arrays = Arrays.of_schema(PAIR)
    forms: list[Any] = [
        arrays.from_rows([{"ids": [1, 2], "text": "a"}, {"ids": [3, 4], "text": "b", "more": 0}]),
        arrays.from_columns({"ids": [[1, 2], [3, 4]], "text": ["a", "b"]}),
        arrays.from_split(["text", "ids"], [["a", [1, 2]], ["b", [3, 4]]]),
        arrays.from_tensors(
            [
                Tensor(name="text", array=np.array(["a", "b"], dtype=object)),
                Tensor(name="ids", array=np.array([[1, 2], [3, 4]], dtype="int32")),
            ]
        ),
    ]
    for given in forms:
        assert {name: each.tolist() for name, each in given.items()} == {
            "ids": [[1, 2], [3, 4]],
            "text": ["a", "b"],
        }
        _enforce_schema(given, PAIR)


def test_ragged_rows_are_taken_where_the_signature_has_objects() -> None:
    given = Arrays.of_schema(Schema([TensorSpec(np.dtype("O"), (-1,))])).from_rows([[1, 2], [3]])
    assert given.tolist() == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("schema", "rows", "message"),
    [
        (IMAGES, [], "non-empty list"),
        (IMAGES, [[[1, 2, 3]]], r"'input-0' has shape \[1, 1, 3\]: the model takes \[-1, 2, 2, 3\]"),
        (IMAGES, [[[1, 2], [1]]], "lists of 1 and of 2 values"),
        (IMAGES, [{"x": 1}], "has no name"),
        (PAIR, [[1, 2]], "an object with ids, text"),
        (PAIR, [{"ids": [1, 2]}], r"missing inputs \['text'\]"),
        (PAIR, [{"ids": [1, 2], "text": "a"}, {"ids": [1, 2]}], "row 1: missing inputs"),
        (PAIR, [{"ids": [1, 2.5], "text": "a"}], "2.5, a fraction"),
        (PAIR, [{"ids": [1, 2], "text": 5}], "a number: the model takes text"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_the_reason(schema: Schema, rows: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Arrays.of_schema(schema).from_rows(rows)


def test_tensors_that_do_not_fit_are_refused() -> None:
    ids = Tensor(name="ids", array=np.array([[1, 2]]))
    with pytest.raises(RequestError, match=r"missing inputs \['text'\]"):
        Arrays.of_schema(PAIR).from_tensors([ids])
    with pytest.raises(RequestError, match="has no values"):
        Arrays.of_schema(IMAGES).from_tensors([Tensor(name="x", array=np.empty((0, 2, 2, 3)))])
    with pytest.raises(RequestError, match="is BOOL: the model takes FP32"):
        Arrays.of_schema(IMAGES).from_tensors([Tensor(name="x", array=np.ones((1, 2, 2, 3), dtype=bool))])


def test_metadata_has_every_tensor() -> None:
    assert Arrays.of_schema(PAIR).input_types() == [
        {"name": "ids", "datatype": "INT64", "shape": [-1, 2]},
        {"name": "text", "datatype": "BYTES", "shape": [-1]},
    ]
    (only,) = Arrays.of_schema(IMAGES).input_types()
    assert only == {"name": "input-0", "datatype": "FP32", "shape": [-1, 2, 2, 3]}
