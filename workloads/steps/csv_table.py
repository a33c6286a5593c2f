"""A CSV file as a table for training: surveyed in one pass, read in another, in parts of bounded memory.

Embedded in the steps that read data, with the modules that it imports from here.
"""

# pyarrow and pandas ship no complete types.
# pyright: basic, reportAttributeAccessIssue=false

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workloads.steps.csv_columns import MISSING, Column, Feature
from workloads.steps.csv_rows import SEPARATORS, Layout, chunks, layout, rows

MOST_BYTES = 256 * 1024 * 1024
MOST_CELLS = 25_000_000
MOST_COLUMNS = 10_000
MOST_CLASSES = 200
_FEWEST_PER_CLASS = 4
_FEWEST_FOR_REGRESSION = 10
_ROW_COUNTERS = {"id", "index", "row", "rowid", "row_id", "rownames", "rownum", "no", "nr", "#"}


@dataclass(frozen=True)
class Survey:
    """What a file holds, and how each column is read."""

    layout: Layout
    decimal: str
    rows: int
    features: list[Feature]
    target_position: int
    task: str
    """classification or regression."""
    classes: int
    """Different labels; none for a regression."""

    @property
    def is_matrix(self) -> bool:
        """Whether every feature is a number in every row."""
        return all(each.kind == "number" and not each.missing for each in self.features)

    def understood(self) -> str:
        """Return in one line how the file was read."""
        kinds = Counter(each.kind for each in self.features)
        parts = [f"{self.rows} rows of {len(self.features)} features"]
        parts += [f"{kinds[kind]} of them {kind}" for kind in ("text", "boolean") if kinds[kind]]
        missing = [each for each in self.features if each.missing]
        if missing:
            parts.append(f"values missing in {', '.join(repr(each.name) for each in missing[:5])}")
        if self.layout.separator != ",":
            parts.append(f"{SEPARATORS[self.layout.separator]} between values")
        if self.decimal == ",":
            parts.append("decimal commas")
        parts.append(self.task if self.task == "regression" else f"{self.classes} classes")
        return ", ".join(parts)


@dataclass(frozen=True)
class Table:
    """The values of a file."""

    features: Any
    """A matrix of float64, or a frame if a feature is not a number in every row."""
    labels: Any
    """Texts, or float64 for a regression."""


def survey(path: Path, target: str, task: str = "auto") -> Survey:
    """Look at every value of a file, and decide how it is read.

    Raises:
        ValueError: no model can be trained on it; the message names the column, the line and the remedy.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(
            f"data: {size / 1e6:.0f} MB; the limit is {MOST_BYTES / 1e6:.0f} MB: give fewer rows or columns"
        )
    found = layout(path, target)
    header = _header(path, found, target)
    columns = [Column(name, at, is_target=name == target) for at, name in enumerate(header)]
    count, counters = 0, {at for at, name in enumerate(header) if name.lower() in _ROW_COUNTERS}
    for chunk in chunks(path, found):
        for column, cells in zip(columns, chunk.columns, strict=True):
            column.add(chunk.lines, cells)
        counters = {at for at in counters if _counts_rows(chunk.columns[at], count)}
        count += len(chunk.lines)
        if count * len(header) > MOST_CELLS:
            raise ValueError(
                f"data: more than {MOST_CELLS} values, in {len(header)} columns; give fewer rows or columns"
            )
    if not count:
        raise ValueError("data: a header line but no rows; give at least 4 rows of each class")
    _refuse_row_counter([each for each in columns if each.position in counters and not each.is_target])
    decimal = decimal_of(columns, found)
    features = [
        each.feature(decimal) for each in columns if not each.is_target and (each.name or _named(each))
    ]
    if not features:
        raise ValueError(f"data: only the column {target!r}; add at least one feature")
    aim = columns[header.index(target)]
    chosen = _task(aim, decimal, count, task)
    return Survey(
        layout=found,
        decimal=decimal,
        rows=count,
        features=features,
        target_position=aim.position,
        task=chosen,
        classes=0 if chosen == "regression" else len(aim.values),
    )


def read(path: Path, found: Survey) -> Table:
    """Return the values of a surveyed file."""
    numbers = [each for each in found.features if each.kind == "number"]
    matrix = np.empty((found.rows, len(numbers)))
    others: dict[str, Any] = {
        each.name: np.empty(found.rows, dtype=object) for each in found.features if each.kind != "number"
    }
    labels: Any = np.empty(found.rows) if found.task == "regression" else []
    known: dict[str, str] = {}
    at = 0
    for chunk in chunks(path, found.layout):
        end = at + len(chunk.lines)
        for place, feature in enumerate(numbers):
            matrix[at:end, place] = numbers_of(chunk.columns[feature.position], found.decimal)
        for feature in found.features:
            if feature.kind != "number":
                cells = (
                    known.setdefault(text, text)
                    for text in trimmed(chunk.columns[feature.position]).to_pylist()
                )
                others[feature.name][at:end] = [_value(text, feature.kind) for text in cells]
        targets = chunk.columns[found.target_position]
        if found.task == "regression":
            labels[at:end] = numbers_of(targets, found.decimal)
        else:
            labels.extend(trimmed(targets).to_pylist())
        at = end
    if found.is_matrix:
        return Table(matrix, np.array(labels))
    return Table(_frame(found, numbers, matrix, others), np.array(labels))


def _frame(found: Survey, numbers: list[Feature], matrix: Any, others: dict[str, Any]) -> Any:
    import pandas as pd

    places = {each.name: at for at, each in enumerate(numbers)}
    # Given as object: left alone, pandas makes text of it whose missing value is not None.
    return pd.DataFrame(
        {
            each.name: matrix[:, places[each.name]]
            if each.kind == "number"
            else pd.Series(
                others[each.name], dtype=bool if each.kind == "boolean" and not each.missing else object
            )
            for each in found.features
        }
    )


def _value(text: str, kind: str) -> Any:
    if kind == "boolean":
        return None if text in MISSING else text.lower() == "true"
    return text or None


def trimmed(cells: tuple[str, ...]) -> Any:
    """Return cells without blanks around them."""
    return pc.utf8_trim_whitespace(pa.array(cells, pa.string()))


def numbers_of(cells: tuple[str, ...], decimal: str) -> Any:
    """Return cells that are numbers as float64, missing ones as NaN."""
    array = trimmed(cells)
    array = pc.if_else(pc.is_in(array, pa.array(MISSING)), pa.scalar(None, pa.string()), array)
    if decimal == ",":
        array = pc.replace_substring(array, ",", ".")
    return array.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _header(path: Path, found: Layout, target: str) -> list[str]:
    header = [name.strip() for name in next(rows(path, found), (0, []))[1]]
    if not any(header):
        raise ValueError("data: empty; give a CSV file with a header line and rows")
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise ValueError(f"data: column {repeated[0]!r} occurs more than once; rename one of them")
    if target not in header:
        named = ", ".join(header[:30]) + (", …" if len(header) > 30 else "")
        with_others = "" if found.separator == "," else f" with {SEPARATORS[found.separator]} between them"
        raise ValueError(
            f"data: no column {target!r} among {named}{with_others}; give the column with the class as target"
        )
    if len(header) > MOST_COLUMNS:
        raise ValueError(f"data: {len(header)} columns; the limit is {MOST_COLUMNS}: drop some")
    if len(header) < 2:
        raise ValueError(f"data: only the column {target!r}; add at least one feature")
    return header


def _named(column: Column) -> bool:
    """Return False for a column without a name that holds nothing, as commas at the end of each line make."""
    if not column.filled():
        return False
    line, text = min(each for kind, each in column.first.items() if kind not in ("empty", "absent"))
    raise ValueError(
        f"data line {line}: column {column.position + 1} has no name in the header and holds {text!r}; "
        "name it, or drop an index (to_csv(index=False))"
    )


def _counts_rows(cells: tuple[str, ...], before: int) -> bool:
    texts = trimmed(cells).to_pylist()
    return any(texts == [str(before + first + at) for at in range(len(texts))] for first in (0, 1))


def _refuse_row_counter(columns: list[Column]) -> None:
    if columns:
        raise ValueError(
            f"data: column {columns[0].name!r} only counts the rows: a model would learn their order; drop it"
        )


def decimal_of(columns: list[Column], found: Layout) -> str:
    """Return the decimal sign: a comma only if no number has a point and one cannot be a thousands group."""
    points = sum(each.counts["point"] + each.counts["grouped point"] for each in columns)
    commas = [each for each in columns if each.counts["comma"] and each.is_numeric(",")]
    if commas and not points:
        return ","
    if found.separator == ";":
        for each in columns:
            grouped, whole = each.counts["grouped point"], each.counts["integer"]
            if grouped and whole and not each.counts["point"] and not each.is_target:
                line, text = each.first["grouped point"]
                raise ValueError(
                    f"data line {line}: feature {each.name!r} is {text!r}, not a number for certain: "
                    "thousands or decimals? write 1234 without a point, and 1.234 as 1.2340"
                )
    return "."


def _task(aim: Column, decimal: str, count: int, task: str) -> str:
    """Return whether the target is a class or a quantity; refuse labels that cannot be learnt."""
    _refuse_missing_labels(aim)
    numeric = aim.is_numeric(decimal)
    different = len(aim.values)
    whole = aim.counts["integer"] == count
    many = different > count / _FEWEST_PER_CLASS
    if task == "regression" or (task == "auto" and numeric and (many or (different > 20 and not whole))):
        aim.refuse_other_than_numbers(decimal, "target")
        if not numeric:
            line, text = min(aim.first.values())
            raise ValueError(
                f"data line {line}: target {aim.name!r} is {text!r}, not a number: no regression"
            )
        if different < 2 or count < _FEWEST_FOR_REGRESSION:
            raise ValueError(
                f"data: target {aim.name!r} has {different} values in {count} rows; "
                f"a regression needs at least {_FEWEST_FOR_REGRESSION} rows that differ"
            )
        return "regression"
    if task == "auto" and numeric and different > 20:
        raise ValueError(
            f"data: target {aim.name!r} has {different} different whole numbers: classes or a quantity? "
            "give --task classification or --task regression"
        )
    _refuse_classes(aim)
    return "classification"


def _refuse_missing_labels(aim: Column) -> None:
    absent = aim.counts["empty"] + aim.counts["absent"]
    if absent:
        line, text = min(aim.first[kind] for kind in ("empty", "absent") if aim.counts[kind])
        given = f"missing ({text})" if text else "empty"
        others = (
            f", as in {absent - 1} other rows; fill or drop them" if absent > 1 else "; fill or drop that row"
        )
        raise ValueError(f"data line {line}: target {aim.name!r} is {given}{others}")


def _refuse_classes(aim: Column) -> None:
    classes = aim.values
    if len(classes) < 2:
        raise ValueError(
            f"data: target {aim.name!r} has one class, {next(iter(classes))!r}; give rows of at least two"
        )
    # 1 and 1.0 are one number in two spellings; 007 and 7 are two names.
    spellings: dict[str, str] = {}
    for text in classes:
        plain = (
            re.sub(r"(?<=\d)[.,]0*$", "", text) if re.fullmatch(r"[+-]?(0|[1-9]\d*)([.,]0*)?", text) else text
        )
        other = spellings.setdefault(plain, text)
        if other != text:
            raise ValueError(
                f"data: target {aim.name!r} has {other!r} and {text!r} for one number; write it in one way"
            )
    rare, rows_of_it = min(classes.items(), key=lambda item: item[1])
    if rows_of_it < _FEWEST_PER_CLASS:
        raise ValueError(
            f"data: class {rare!r} has {rows_of_it} rows; "
            f"give at least {_FEWEST_PER_CLASS} rows of each class"
        )
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"data: target {aim.name!r} has {len(classes)} classes; the limit is {MOST_CLASSES}")
