"""A CSV file in parts for a model that knows its columns: nothing is guessed, and a bad cell names its line.

Embedded in the step that predicts tables, with the modules that it imports from here.
"""

# pyarrow ships no types.
# pyright: basic, reportAttributeAccessIssue=false

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workloads.batches.model_columns import Wanted, refuse_other_columns
from workloads.batches.parts import Part, rows_of_part
from workloads.steps.csv_columns import MISSING, Column, kind_of
from workloads.steps.csv_rows import chunks, layout, rows
from workloads.steps.csv_table import decimal_of, numbers_of, trimmed


def parts_of_csv(path: Path, wanted: list[Wanted], keep: list[str]) -> Iterator[Part]:
    """Return the rows of a CSV file, part by part.

    Raises:
        ValueError: it has no rows or other columns, or a cell is not what the model takes.
    """
    found = layout(path, wanted[0].name)
    header = [name.strip() for name in next(rows(path, found), (0, []))[1]]
    if not any(header):
        raise ValueError("data: empty; give a file with a header line and rows")
    refuse_other_columns(header, wanted, keep)
    places = {name: at for at, name in enumerate(header)}
    decimal = ""
    for chunk in chunks(path, found, rows_of_part(len(header))):
        if not decimal:
            sample = [Column(each.name, places[each.name]) for each in wanted if "number" in each.kind]
            for column in sample:
                column.add(chunk.lines, chunk.columns[column.position])
            decimal = decimal_of(sample, found)
        cells = {
            each.name: _csv_cells(
                each, places[each.name], chunk.lines, chunk.columns[places[each.name]], decimal
            )
            for each in wanted
        }
        kept = {name: pa.array(chunk.columns[places[name]], pa.string()) for name in keep}
        yield Part(f"lines {chunk.lines[0]} to {chunk.lines[-1]}", len(chunk.lines), cells, kept)
    if not decimal:
        raise ValueError("data: a header line but no rows; give at least one")


def _csv_cells(wanted: Wanted, position: int, lines: list[int], texts: tuple[str, ...], decimal: str) -> Any:
    if wanted.kind == "text":
        return [text or None for text in trimmed(texts).to_pylist()]
    if wanted.kind == "boolean":
        return [
            _csv_boolean(wanted, line, text)
            for line, text in zip(lines, trimmed(texts).to_pylist(), strict=True)
        ]
    values = _csv_numbers(wanted, position, lines, texts, decimal)
    if wanted.kind == "whole number":
        odd = np.flatnonzero(values != np.floor(values))
        if odd.size:
            line, text = lines[odd[0]], texts[odd[0]]
            raise ValueError(
                f"data line {line}: {wanted.name!r} is {text!r}; the model takes whole numbers there"
            )
    return values


def _csv_boolean(wanted: Wanted, line: int, text: str) -> bool | None:
    if text in MISSING:
        return None
    if kind_of(text) != "boolean":
        raise ValueError(
            f"data line {line}: {wanted.name!r} is {text!r}; the model takes true or false there"
        )
    return text.lower() == "true"


def _csv_numbers(
    wanted: Wanted, position: int, lines: list[int], texts: tuple[str, ...], decimal: str
) -> Any:
    try:
        values = numbers_of(texts, decimal)
    except pa.ArrowInvalid:
        values = None
    if values is not None and _are_plain(values, texts, decimal):
        return values
    column = Column(wanted.name, position)
    column.add(lines, texts)
    column.refuse_other_than_numbers(decimal, "feature")
    raise ValueError(f"data lines {lines[0]} to {lines[-1]}: {wanted.name!r} holds what is no number")


def _are_plain(values: Any, texts: tuple[str, ...], decimal: str) -> bool:
    """Return whether cells are numbers of the file's own notation, or missing."""
    array = trimmed(texts)
    missing = pc.is_in(array, pa.array(MISSING)).to_numpy(zero_copy_only=False)
    other_sign = decimal == "," and pc.any(pc.match_substring(array, ".")).as_py()
    return bool(np.isfinite(values[~missing]).all()) and not other_sign
