"""Requests of bounded size: many rows are sent in parts, because a predictor limits the size of a body.

Embedded in the step that compares a served model, so it imports nothing of this repository.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

LARGEST_PART = 2 * 1024 * 1024
"""Bytes of rows in one request. Predictors take 8 MiB; a second protocol may need twice as many."""
MOST_ROWS = 5000
"""Rows in one request: the answer to a narrow row may be much longer than the row."""


def in_parts(rows: Sequence[Any], largest: int = LARGEST_PART, most: int = MOST_ROWS) -> Iterator[list[Any]]:
    """Return rows in parts whose JSON is not larger than a bound; a row beyond it is a part of its own."""
    part: list[Any] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row)) + 2
        if part and (size + length > largest or len(part) == most):
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


def instances(rows: Sequence[Any], features: Sequence[str], kinds: Sequence[str]) -> list[Any]:
    """Return rows as a v1 request has them: lists for a matrix, objects for columns of several kinds."""
    return [dict(zip(features, row, strict=True)) for row in rows] if kinds else list(rows)


def matrix_input(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return the body of a v2 request with all rows in one tensor."""
    flat = [value for row in rows for value in row]
    tensor = {"name": "input-0", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
    return {"inputs": [tensor]}


def column_inputs(
    rows: Sequence[Sequence[Any]], features: Sequence[str], kinds: Sequence[str]
) -> dict[str, Any]:
    """Return the body of a v2 request with one tensor per column; v2 has no missing values."""
    types = {"number": "FP64", "boolean": "BOOL", "text": "BYTES"}
    columns = zip(features, kinds, zip(*rows, strict=True), strict=True)
    return {
        "inputs": [
            {"name": name, "shape": [len(rows)], "datatype": types[kind], "data": list(cells)}
            for name, kind, cells in columns
        ]
    }
