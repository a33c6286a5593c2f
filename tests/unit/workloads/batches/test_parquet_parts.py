"""Parquet files for a model that knows its columns."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workloads.batches import parts
from workloads.batches.model_columns import Wanted
from workloads.batches.parquet_parts import parts_of_parquet

NUMBER = Wanted("n", "number", "float64")
WHOLE = Wanted("w", "whole number", "int64")
BOOLEAN = Wanted("b", "boolean", "bool")
TEXT = Wanted("t", "text", "object")


def read(folder: Path, columns: dict[str, Any], wanted: list[Wanted], *keep: str) -> list[parts.Part]:
    path = folder / "data.parquet"
    pq.write_table(pa.table(columns), path)
    return list(parts_of_parquet(path, wanted, list(keep)))


@pytest.mark.parametrize(
    "numbers",
    [[1.5, None], pa.array([1.5, None], pa.float32()), [Decimal("1.5"), None]],
)
def test_cells_become_what_the_model_takes(tmp_path: Path, numbers: Any) -> None:
    columns = {
        "t": pa.array(["red", None]).dictionary_encode(),
        "b": [True, None],
        "w": pa.array([3, -4], pa.int8()),
        "n": numbers,
        "day": [date(2026, 1, 2), None],
    }
    (part,) = read(tmp_path, columns, [NUMBER, WHOLE, BOOLEAN, TEXT], "day")
    assert part.cells["n"][0] == 1.5
    assert str(part.cells["n"][1]) == "nan"
    assert part.cells["w"].tolist() == [3.0, -4.0]
    assert (part.cells["b"], part.cells["t"]) == ([True, None], ["red", None])
    assert part.kept["day"].to_pylist() == [date(2026, 1, 2), None]


def test_a_file_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MOST_ROWS", 2)
    monkeypatch.setattr(parts, "_FEWEST_ROWS", 2)
    found = read(tmp_path, {"n": [float(at) for at in range(5)]}, [NUMBER])
    assert [(part.where, part.rows) for part in found] == [
        ("rows 1 to 2", 2),
        ("rows 3 to 4", 2),
        ("rows 5 to 5", 1),
    ]


@pytest.mark.parametrize(
    ("columns", "wanted", "reason"),
    [
        (
            {"n": [1.0], "tags": [["a"]]},
            NUMBER,
            "data: column 'tags' is nested (list<element: string>); "
            "give each of its values a column of its own, or write the file without it",
        ),
        ({"n": [{"x": 1}]}, NUMBER, "data: column 'n' is nested (struct<x: int64>); "),
        ({"n": pa.array([], pa.float64())}, NUMBER, "data: columns but no rows; give at least one"),
        (
            {"n": ["1"]},
            NUMBER,
            "data: column 'n' is string; the model takes a number there: convert the column",
        ),
        ({"n": [float("inf")]}, NUMBER, "data row 1: 'n' is inf; the model takes a number there"),
        ({"w": [1.0, 1.5]}, WHOLE, "data row 2: 'w' is 1.5; the model takes a whole number there"),
        ({"w": [1, None]}, WHOLE, "data row 2: 'w' is None; the model takes a whole number there"),
        ({"n": [2**60 + 1]}, NUMBER, "data: column 'n': Integer value "),
        ({"b": ["true"]}, BOOLEAN, "data: column 'b' is string; the model takes a boolean there: convert"),
        ({"m": [1.0]}, NUMBER, "data: no column 'n', which the model needs"),
    ],
)
def test_a_bad_column_or_row_is_one_line(
    tmp_path: Path, columns: dict[str, Any], wanted: Wanted, reason: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        read(tmp_path, columns, [wanted])
    assert str(refused.value).startswith(reason)


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    path.write_text("n\n1\n")
    with pytest.raises(ValueError, match=r"^data: not a Parquet file \("):
        list(parts_of_parquet(path, [NUMBER], []))
