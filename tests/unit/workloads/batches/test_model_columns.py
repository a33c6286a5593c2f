"""Columns of models and of files."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array

from workloads.batches.model_columns import ModelColumns, Wanted, columns_of, refuse_other_columns


def metadata(schema: Schema | None, **facts: Any) -> Any:
    return SimpleNamespace(get_input_schema=lambda: schema, metadata=facts)


def matrix(width: int, kind: str = "float64") -> Schema:
    return Schema([TensorSpec(np.dtype(kind), (-1, width))])


def test_a_matrix_has_the_names_that_the_model_records_or_else_numbers() -> None:
    named = columns_of(metadata(matrix(2), features=["a", "b"]))
    assert named == ModelColumns([Wanted("a", "number", "float64"), Wanted("b", "number", "float64")], True)
    assert [each.name for each in columns_of(metadata(matrix(2))).columns] == ["0", "1"]
    cells = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    assert named.table(cells).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_columns_become_a_frame_of_the_types_of_the_signature() -> None:
    types = [
        DataType.double,
        DataType.float,
        DataType.long,
        DataType.integer,
        DataType.boolean,
        DataType.string,
    ]
    schema = Schema([ColSpec(each, name=each.name) for each in types])
    found = columns_of(metadata(schema))
    numbers = np.array([1.0, 2.0])
    cells: dict[str, Any] = {each.name: numbers for each in types[:4]}
    frame = found.table({**cells, "boolean": [True, False], "string": ["a", None]})
    assert [str(each) for each in frame.dtypes] == ["float64", "float32", "int64", "int32", "bool", "object"]
    assert frame["string"].tolist() == ["a", None]
    missing = found.table({**cells, "boolean": [True, None], "string": ["a", "b"]})
    assert missing["boolean"].tolist() == [True, None]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (None, "has no signature"),
        (Schema([ColSpec(DataType.datetime, name="day")]), "takes 'day' as .*datetime.*; no table does"),
        (Schema([ColSpec(Array(DataType.double), name="list")]), "takes 'list' as "),
        (Schema([ColSpec(DataType.double)]), "takes 'a column without a name' as "),
        (Schema([TensorSpec(np.dtype("float64"), (-1, 28, 28))]), "takes tensors that no table holds"),
    ],
)
def test_a_model_that_takes_no_table_is_refused(schema: Schema | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        columns_of(metadata(schema))


WANTED = [Wanted("a", "number", "float64"), Wanted("b", "text", "object")]


@pytest.mark.parametrize(
    ("header", "keep", "reason"),
    [
        (
            ["a", "id"],
            [],
            "data: no column 'b', which the model needs: add it, under this name; "
            "the model does not know 'id': drop it, or name it in keep, "
            "which copies it next to the predictions; it has 'a', 'id'",
        ),
        (["a", "b", "a"], [], "data: column 'a' occurs more than once; rename one of them"),
        (["a", "b"], ["id"], "data: no column 'id' to keep; it has 'a', 'b'"),
    ],
)
def test_other_columns_are_refused_with_what_to_do(header: list[str], keep: list[str], reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        refuse_other_columns(header, WANTED, keep)
    assert str(refused.value) == reason


def test_the_columns_may_be_in_any_order_and_some_be_kept() -> None:
    refuse_other_columns(["id", "b", "a"], WANTED, ["id", "a"])
