"""Requests of bounded size."""

import json

import pytest

from workloads.serving.request_parts import column_inputs, in_parts, instances, matrix_input


@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_parts_are_bounded_and_together_all_rows(count: int) -> None:
    rows = [[at + 0.5, at * 1.25] for at in range(count)]
    parts = list(in_parts(rows, largest=60))
    assert [row for part in parts for row in part] == rows
    assert all(len(json.dumps(part)) <= 60 + 2 for part in parts)


def test_a_row_beyond_the_bound_is_asked_alone() -> None:
    assert list(in_parts(["x" * 50, "y", "z"], largest=20)) == [["x" * 50], ["y", "z"]]


def test_parts_have_a_bounded_number_of_rows() -> None:
    assert [len(part) for part in in_parts([[1]] * 7, most=3)] == [3, 3, 1]


def test_rows_of_a_matrix_are_lists_and_of_columns_objects() -> None:
    assert instances([[1.0, 2.0]], ["a", "b"], []) == [[1.0, 2.0]]
    assert instances([[1.0, None]], ["a", "b"], ["number", "text"]) == [{"a": 1.0, "b": None}]


def test_v2_has_one_tensor_or_one_per_column() -> None:
    assert matrix_input([[1.0, 2.0], [3.0, 4.0]])["inputs"] == [
        {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [1.0, 2.0, 3.0, 4.0]}
    ]
    rows = [[1.0, "a", True], [2.0, "b", False]]
    assert column_inputs(rows, ["x", "t", "b"], ["number", "text", "boolean"])["inputs"] == [
        {"name": "x", "shape": [2], "datatype": "FP64", "data": [1.0, 2.0]},
        {"name": "t", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        {"name": "b", "shape": [2], "datatype": "BOOL", "data": [True, False]},
    ]
