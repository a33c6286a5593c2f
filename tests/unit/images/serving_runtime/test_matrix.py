from typing import Any

import numpy as np
import pytest
from predictor.errors import RequestError
from predictor.matrix import Matrix

WINE = Matrix(width=3, dtype=np.dtype("float64"), names=("alcohol", "ash", "hue"))
COUNTS = Matrix(width=2, dtype=np.dtype("int64"))


def _input(data: Any, shape: Any, datatype: str = "FP64", name: str = "x") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_rows_become_a_matrix_in_memory_order() -> None:
    matrix = WINE.from_rows([[1, 2.5, 3], [4, 5, 6]])
    assert matrix.tolist() == [[1.0, 2.5, 3.0], [4.0, 5.0, 6.0]]
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous


def test_rows_by_feature_name_may_come_in_any_order() -> None:
    assert WINE.from_rows([{"hue": 3, "alcohol": 1, "ash": 2}]).tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "non-empty list of rows"),
        ("text", "non-empty list of rows"),
        ({"a": 1}, "non-empty list of rows"),
        ([1, 2, 3], "each row"),
        ([[1, 2]], "row 0 has 2 values: the model takes 3"),
        ([[1, 2, 3], [1, 2, 3, 4]], "row 1 has 4 values: the model takes 3"),
        ([[[1], [2], [3]]], "a value is a list"),
        ([["1", 2, 3]], "a value is a string: the model takes numbers"),
        ([[None, 2, 3]], "a value is null"),
        ([[True, 2, 3]], "a value is a boolean"),
        ([[{}, 2, 3]], "a value is an object"),
        ([[10**400, 2, 3]], "does not fit FP64"),
        ([{"alcohol": 1, "ash": 2}], r"missing features \['hue'\]"),
        ([{"alcohol": 1, "ash": 2, "hue": 3, "colour": 4}], r"unknown features \['colour'\]"),
        ([{"alcohol": 1, "ash": 2, "hue": 3}, [1, 2, 3]], "row 1 is not an object"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_the_reason(rows: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        WINE.from_rows(rows)


def test_named_rows_need_a_model_with_named_features() -> None:
    with pytest.raises(RequestError, match="send each row as a list"):
        COUNTS.from_rows([{"a": 1, "b": 2}])


def test_a_model_of_whole_numbers_refuses_fractions() -> None:
    assert COUNTS.from_rows([[1, 2]]).dtype == np.int64
    with pytest.raises(RequestError, match="the model takes whole numbers"):
        COUNTS.from_rows([[1, 2.5]])
    with pytest.raises(RequestError, match="does not fit INT64"):
        COUNTS.from_rows([[1, 2**70]])


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_one_tensor_may_be_flat_or_nested(data: Any) -> None:
    assert WINE.from_inputs([_input(data, [2, 3])]).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_one_input_per_feature_gives_the_same_matrix(shape: list[int]) -> None:
    inputs = [
        _input([3, 6], shape, name="hue"),
        _input([1, 4], shape, name="alcohol"),
        _input([2, 5], shape, name="ash"),
    ]
    matrix = WINE.from_inputs(inputs)
    assert matrix.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert matrix.flags.c_contiguous


def test_narrower_numbers_are_widened() -> None:
    assert WINE.from_inputs([_input([1, 2, 3], [1, 3], "INT64")]).dtype == np.float64
    assert WINE.from_inputs([_input([0.1, 2, 3], [1, 3], "FP32")])[0, 0] == np.float32(0.1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "non-empty list of tensors"),
        ([[]], "must be an object"),
        ([{"name": "x"}], "lacks shape, datatype, data"),
        ([_input([1, 2], [1, 2])], r"shape \[1, 2\]: the model takes \[n, 3\]"),
        ([_input([1, 2, 3], [3])], r"shape \[3\]: the model takes"),
        ([_input([], [0, 3])], r"shape \[0, 3\]"),
        ([_input([1, 2], [1, 3])], "needs 3 values, data has 2"),
        ([_input([1, 2, 3], [-1, 3])], "whole numbers"),
        ([_input([1, 2, 3], "1x3")], "whole numbers"),
        ([_input("123", [1, 3])], "data must be a list"),
        ([_input(["a", "b", "c"], [1, 3], "BYTES")], "is BYTES: the model takes FP64"),
        ([_input([True, True, True], [1, 3], "BOOL")], "is BOOL: the model takes FP64"),
        ([_input([1, 2, 3], [1, 3], "DOUBLE")], "is DOUBLE"),
        ([_input(["1", 2, 3], [1, 3])], "a value is a string"),
        ([_input([300, 2, 3], [1, 3], "UINT8")], "does not fit UINT8"),
        ([_input([1], [1], name="hue"), _input([1], [1], name="ash")], r"missing: \['alcohol'\]"),
        ([_input([1], [1], name=n) for n in ("hue", "ash", "size")], r"unknown: \['size'\]"),
        (
            [_input([1], [1], name="hue"), _input([1], [1], name="ash"), _input([1, 2], [2], name="alcohol")],
            "the same n",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_the_reason(inputs: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        WINE.from_inputs(inputs)


def test_a_model_of_whole_numbers_refuses_a_tensor_of_fractions() -> None:
    with pytest.raises(RequestError, match="is FP64: the model takes INT64"):
        COUNTS.from_inputs([_input([1.0, 2.0], [1, 2])])
