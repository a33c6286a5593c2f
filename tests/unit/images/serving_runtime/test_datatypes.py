"""JSON values become arrays as MLflow has them, or are refused: nothing changes its meaning."""

from typing import Any

import numpy as np
import pytest
from predictor import datatypes
from predictor.errors import RequestError


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([3, 3.0, -0.0], "int64", [3, 3, 0]),
        ([2**53 + 1, 1.0], "int64", [2**53 + 1, 1]),
        ([True, 1, 0], "bool", [True, True, False]),
        (["a", "b"], "<U5", ["a", "b"]),
        (["a", 1, None, [2]], "O", ["a", 1, None, [2]]),
    ],
)
def test_values_of_the_right_kind_are_taken(values: list[Any], dtype: str, expected: list[Any]) -> None:
    array = datatypes.from_json(values, np.dtype(dtype))
    assert array.tolist() == expected
    assert array.dtype == np.dtype(dtype)


def test_null_is_a_missing_number_and_a_missing_date() -> None:
    assert np.isnan(datatypes.from_json([None, 1], np.dtype("float64"))).tolist() == [True, False]
    dates = datatypes.from_json(["2024-02-29", None], np.dtype("datetime64[ns]"))
    assert np.isnat(dates).tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([3.5], "int64", "3.5, a fraction: the model takes whole numbers"),
        ([None], "int64", "null: the model takes whole numbers"),
        ([True], "int64", "a boolean: the model takes whole numbers"),
        (["1"], "float64", "a string: the model takes numbers"),
        ([True], "float64", "a boolean"),
        ([2], "bool", "a number: the model takes booleans"),
        (["true"], "bool", "a string: the model takes booleans"),
        ([1], "datetime64[ns]", "a number: the model takes dates as text"),
        (["yesterday"], "datetime64[ns]", "not a date"),
        ([300], "uint8", "does not fit UINT8"),
        ([-1], "uint8", "does not fit UINT8"),
        ([2**70], "int64", "does not fit INT64"),
        ([1e300], "float32", "does not fit FP32"),
        ([10**400], "float64", "does not fit FP64"),
        ([1], "<U3", "a number: the model takes text"),
        (["é"], "S3", "beyond ASCII"),
        ([1], "complex128", "JSON cannot carry"),
    ],
)
def test_values_that_would_change_are_refused(values: list[Any], dtype: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        datatypes.from_json(values, np.dtype(dtype))


def test_nested_lists_keep_their_shape() -> None:
    assert datatypes.nested([[[1], [2]], [[3], [4]]], np.dtype("float64"), "x").shape == (2, 2, 1)
    with pytest.raises(RequestError, match="x: lists of 1 and of 2 values at depth 2"):
        datatypes.nested([[1, 2], [3]], np.dtype("float64"), "x")
    with pytest.raises(RequestError, match="a list: the model takes numbers"):
        datatypes.nested([1, [2]], np.dtype("float64"), "x")
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(RequestError, match="more than 64 deep"):
        datatypes.nested(deep, np.dtype("float64"), "x")


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ("int64", "float64"),
        ("float32", "float64"),
        ("float64", "float32"),
        ("uint64", "int64"),
        ("int8", "uint8"),
    ],
)
def test_tensors_of_another_width_are_converted(given: str, dtype: str) -> None:
    array = datatypes.cast(np.array([1, 2], dtype=given), np.dtype(dtype), "input 'x'")
    assert (array.dtype, array.tolist()) == (np.dtype(dtype), [1, 2])


@pytest.mark.parametrize(
    ("given", "dtype", "message"),
    [
        (np.array([1.0]), "int64", "input 'x' is FP64: the model takes INT64"),
        (np.array([True]), "float64", "is BOOL: the model takes FP64"),
        (np.array(["a"], dtype=object), "float64", "is BYTES: the model takes FP64"),
        (np.array([1]), "O", "is INT64: the model takes BYTES"),
        # NumPy alone would wrap these around, or make infinity of them.
        (np.array([2**40]), "int32", "does not fit INT32"),
        (np.array([2**63], dtype="uint64"), "int64", "does not fit INT64"),
        (np.array([-1]), "uint8", "does not fit UINT8"),
        (np.array([1e300]), "float32", "does not fit FP32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(given: Any, dtype: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        datatypes.cast(given, np.dtype(dtype), "input 'x'")


def test_lists_of_one_length_stay_objects_of_a_flat_array() -> None:
    array = datatypes.objects([[1, 2], [3, 4]])
    assert array.shape == (2,)
    assert array.tolist() == [[1, 2], [3, 4]]
