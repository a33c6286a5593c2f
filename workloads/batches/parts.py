"""Parts of a table: as many rows as a client sends in one request, and fewer of a wide table.

Embedded in the step that predicts tables, so it imports nothing of this repository.
"""

from dataclasses import dataclass
from typing import Any

_MOST_ROWS = 5000
"""As in workloads.serving.request_parts: the last digit of a sum depends on the number of rows."""
_FEWEST_ROWS = 250
_MOST_CELLS = 1_000_000


@dataclass(frozen=True)
class Part:
    """Some rows, column by column."""

    where: str
    """Its place in the file, for messages."""
    rows: int
    cells: dict[str, Any]
    """The model's columns: numbers as an array with NaN for what is missing, others as a list with None."""
    kept: dict[str, Any]
    """Columns that are copied next to the predictions, as Arrow has them."""


def rows_of_part(columns: int) -> int:
    """Return the rows of a part, whose memory is bounded however wide the table is."""
    return max(_FEWEST_ROWS, min(_MOST_ROWS, _MOST_CELLS // max(1, columns)))
