"""Answers of models, row by row, whatever the protocol."""

import math
from typing import Any

Row = list[Any]
"""What a model answered to one row: probabilities, or a single value, or one value of each output."""


def rows_of(body: Any) -> list[Row]:
    """Return the answer to each row.

    Args:
        body: JSON of an answer by the v1 protocol, by /invocations, or by v2 with a single output.

    Raises:
        ValueError: it is none of these, or has no rows; one line.
    """
    if isinstance(body, dict) and isinstance(body.get("predictions"), list):
        return [_row(each) for each in body["predictions"]]
    if isinstance(body, dict) and isinstance(body.get("outputs"), list) and len(body["outputs"]) == 1:
        return _of_tensor(body["outputs"][0])
    raise ValueError("no answer of one row after the other")


def difference(answered: Row, expected: Row) -> float:
    """Return how far an answer in numbers is from what it should be; large ones count in proportion.

    Returns:
        The largest difference of two values; infinite if there are others, or more, or fewer.
    """
    if len(answered) != len(expected) or not all(map(is_number, [*answered, *expected])):
        return math.inf
    pairs = zip(answered, expected, strict=True)
    return max((abs(one - other) / max(1.0, abs(other)) for one, other in pairs), default=0.0)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _row(value: Any) -> Row:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _of_tensor(output: Any) -> list[Row]:
    try:
        count, *inner = map(int, output["shape"])
        data: Any = output["data"]
        width = math.prod(inner)
        if not isinstance(data, list) or len(data) != count * width:
            raise ValueError("a tensor whose data does not have its shape")
        return [data[at * width : (at + 1) * width] for at in range(count)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no tensor ({type(error).__name__})") from None
