"""Adds labelled rows to the table that a model was trained on, and holds some of them back.

Embedded in the step that assembles data, with the modules that it imports from here.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.retraining.labelled_rows import LabelledRow
from workloads.steps.csv_rows import rows
from workloads.steps.csv_table import Survey

_HELD_BACK_OF_TEN = 3


@dataclass(frozen=True)
class Added:
    """What became of the labelled rows."""

    trained: int
    """Rows that were added to the table."""
    held_back: int
    """Rows that no model is trained on."""
    other_columns: int
    """Rows without a value for a feature of the table, and so left out."""


def is_held_back(identity: str) -> bool:
    """Return whether no model is ever trained on a row: by the hash of its id, so the same each time."""
    return hashlib.blake2b(identity.encode(), digest_size=8).digest()[0] % 10 < _HELD_BACK_OF_TEN


def write_tables(
    base: Path, found: Survey, fresh: Iterable[LabelledRow], table: Path, held_back: Path
) -> Added:
    """Write the base with the rows that are to be learnt, and a second table with those held back.

    Args:
        base: A CSV file.
        found: How it is read.
        fresh: Labelled rows.
        table: Where the base with seven of ten labelled rows is written.
        held_back: Where the others are, with the columns of the features and the target alone.
    """
    # Decimal commas are kept, and so need another separator.
    separator = ";" if found.decimal == "," else ","
    lines = rows(base, found.layout)
    header = [name.strip() for name in next(lines)[1]]
    target = header[found.target_position]
    features = [each.name for each in found.features]
    trained = held = other = 0
    with table.open("w", newline="") as first, held_back.open("w", newline="") as second:
        whole, rest = (csv.writer(file, delimiter=separator, lineterminator="\n") for file in (first, second))
        whole.writerow(header)
        whole.writerows(cells for _, cells in lines)
        rest.writerow([*features, target])
        for row in fresh:
            if any(name not in row.values for name in features):
                other += 1
                continue
            cells = {name: _cell(row.values[name], found.decimal) for name in features}
            cells[target] = row.label.replace(".", found.decimal) if found.task == "regression" else row.label
            if is_held_back(row.identity):
                rest.writerow(_in_order(cells, [*features, target]))
                held += 1
            else:
                whole.writerow(_in_order(cells, header))
                trained += 1
    return Added(trained, held, other)


def _in_order(cells: Mapping[str, str], names: Iterable[str]) -> list[str]:
    return [cells.get(name, "") for name in names]


def _cell(value: Any, decimal: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    # The shortest text that is read back as the same number.
    return repr(value).replace(".", decimal) if isinstance(value, int | float) else str(value)
