from typing import Any

import numpy as np
import pytest
from predictor.errors import RequestError
from predictor.matrix import Matrix
from predictor.tensors import Tensor

WINE = Matrix(width=3, dtype=np.dtype("float64"), names=("alcohol", "ash", "hue"))
COUNTS = Matrix(width=2, dtype=np.dtype("int64"))


def _tensor(data: Any, dtype: str = "float64", name: str = "x") -> Tensor:
    return Tensor(name=name, array=np.array(data, dtype=dtype))


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
        ([[True, 2, 3]], "a value is a boolean"),
        ([[{}, 2, 3]], "a value is an object"),
        ([[10**400, 2, 3]], "does not fit FP64"),
        ([{"alcohol": 1, "ash": 2}], r"missing features \['hue'\]"),
        (
            [{"alcohol": 1, "ash": 2, "color": 3}],
            r"row 0: missing features \['hue'\], unknown features \['color'\]",
        ),
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
    assert COUNTS.from_rows([[1, 2.0]]).tolist() == [[1, 2]]
    with pytest.raises(RequestError, match="the model takes whole numbers"):
        COUNTS.from_rows([[1, 2.5]])
    with pytest.raises(RequestError, match="does not fit INT64"):
        COUNTS.from_rows([[1, 2**70]])


def test_further_features_are_dropped_as_mlflow_does() -> None:
    row = {"id": 7, "hue": 3, "alcohol": 1, "ash": 2}
    assert WINE.from_rows([row]).tolist() == [[1.0, 2.0, 3.0]]
    assert WINE.from_columns({name: [value] for name, value in row.items()}).tolist() == [[1.0, 2.0, 3.0]]
    assert WINE.from_split(list(row), [list(row.values())]).tolist() == [[1.0, 2.0, 3.0]]
    tensors = [_tensor([value], name=name) for name, value in row.items()]
    assert WINE.from_tensors(tensors).tolist() == [[1.0, 2.0, 3.0]]


def test_columns_with_other_names_are_taken_in_their_order() -> None:
    assert WINE.from_split(["0", "1", "2"], [[1, 2, 3]]).tolist() == [[1.0, 2.0, 3.0]]
    with pytest.raises(RequestError, match=r"missing features \['ash', 'hue'\]"):
        WINE.from_split(["alcohol", "1", "2"], [[1, 2, 3]])


def test_a_missing_number_is_what_mlflow_makes_of_null() -> None:
    assert np.isnan(WINE.from_rows([[None, 2, 3]])[0, 0])


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_one_input_per_feature_gives_the_same_matrix(shape: tuple[int, ...]) -> None:
    values = {"hue": [3, 6], "alcohol": [1, 4], "ash": [2, 5]}
    tensors = [_tensor(np.reshape(each, shape), name=name) for name, each in values.items()]
    matrix = WINE.from_tensors(tensors)
    assert matrix.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert matrix.flags.c_contiguous


def test_narrower_numbers_are_widened() -> None:
    assert WINE.from_tensors([_tensor([[1, 2, 3]], "int64")]).dtype == np.float64
    assert WINE.from_tensors([_tensor([[0.1, 2, 3]], "float32")])[0, 0] == np.float32(0.1)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([_tensor([[1, 2]])], r"shape \[1, 2\]: the model takes \[n, 3\]"),
        ([_tensor([1, 2, 3])], r"shape \[3\]: the model takes"),
        ([_tensor(np.empty((0, 3)))], r"shape \[0, 3\]"),
        ([_tensor([["a", "b", "c"]], "O")], "is BYTES: the model takes FP64"),
        ([_tensor([[True, True, True]], "bool")], "is BOOL: the model takes FP64"),
        ([_tensor([1], name="hue"), _tensor([1], name="ash")], r"missing: \['alcohol'\]"),
        ([_tensor([1], name=n) for n in ("hue", "ash", "size")], r"unknown: \['size'\]"),
        ([_tensor([1] * (1 + (n == "ash")), name=n) for n in WINE.names], "the same n"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_the_reason(tensors: list[Tensor], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        WINE.from_tensors(tensors)


def test_a_model_of_whole_numbers_refuses_a_tensor_of_fractions() -> None:
    with pytest.raises(RequestError, match="is FP64: the model takes INT64"):
        COUNTS.from_tensors([_tensor([[1.0, 2.0]])])
