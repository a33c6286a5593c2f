"""What a column of a CSV file holds: numbers, booleans or text, and what is missing.

Nothing that would change its meaning is accepted: a number in another notation is refused, with its line.
Embedded in the steps that read data, with the modules that it imports from here.
"""

# pyarrow ships no types.
# pyright: basic, reportAttributeAccessIssue=false

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "NaN", "nan", "NA", "N/A", "n/a", "na", "#N/A", "null", "NULL", "None", "?")
"""Spellings of a missing value, except in a text feature, where only the empty cell is one."""
MOST_CATEGORIES = 1000
_MOST_LABELS = 100_000
_WIDEST = 2**53
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = r"^[+-]?[1-9][0-9]{0,2}%s[0-9]{3}$"
_DRESSED = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+|\d{1,3}([.,]\d{3})+([.,]\d+)?)([eE][+-]?\d+)?(USD|EUR|GBP|CHF|JPY|CNY|INR)?"
)
_SHAPES = {
    "grouped": re.compile(_GROUPED % ","),
    "comma": re.compile(r"[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?"),
    "boolean": re.compile("true|false", re.IGNORECASE),
    "infinite": re.compile(r"[+-]?inf(inity)?", re.IGNORECASE),
    "date": re.compile(
        r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d{1,2}:\d{2}.*)?"
    ),
}
"""Cells that are no plain numbers, by kind; the first that fits counts."""
_ADVICE = {
    "dressed": "not a number; write it as 1234.5, with no other sign in it, or drop it",
    "comma": "not a number; write decimals with a point, as elsewhere in the file",
    "grouped": "not a number for certain: 1234 or 1.234? write it without a comma",
    "infinite": "not a number; fill or drop it",
    "long": "an integer too long to be kept exactly; drop an identifier, or round it",
    "date": "a date, not a number; encode it as numbers, or drop it",
}


@dataclass(frozen=True)
class Feature:
    """A column that the model is trained on."""

    name: str
    position: int
    kind: str
    """number, boolean or text."""
    missing: int
    """Rows without a value."""


@dataclass
class Column:
    """Counts of what the cells of a column are, with the first cell of each kind."""

    name: str
    position: int
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Line and text of the first cell of each kind."""
    values: Counter[str] = field(default_factory=Counter)
    """Different texts, up to a bound; columns of numbers are not counted, unless they are the target."""
    is_target: bool = False

    def add(self, lines: list[int], cells: tuple[str, ...]) -> None:
        """Count the cells of some rows."""
        array = pc.utf8_trim_whitespace(pa.array(cells, pa.string()))
        if not self.is_target and self._add_numbers(lines, array):
            return
        counted = pc.value_counts(array)
        fresh: set[str] = set()
        for text, count in zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        ):
            kind = kind_of(text)
            self.counts[kind] += count
            if kind not in self.first:
                fresh.add(kind)
            if text in self.values or len(self.values) <= (
                _MOST_LABELS if self.is_target else MOST_CATEGORIES
            ):
                self.values[text] += count
        for line, text in zip(lines, array.to_pylist(), strict=True):
            if not fresh:
                break
            kind = kind_of(text)
            if kind in fresh:
                fresh.remove(kind)
                self.first[kind] = (line, text)

    def _add_numbers(self, lines: list[int], array: Any) -> bool:
        """Count cells that are all numbers or missing, without looking at each; return whether they are."""
        missing = pc.is_in(array, pa.array(MISSING))
        kept = array.filter(pc.invert(missing))
        commas = pc.match_substring(kept, ",")
        points = pc.match_substring(kept, ".")
        if (pc.any(commas).as_py() and pc.any(points).as_py()) or not len(kept):
            return False
        try:
            values = pc.replace_substring(kept, ",", ".").cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return False
        if not np.isfinite(values).all() or (np.abs(values) >= _WIDEST).any():
            return False
        grouped_commas = pc.match_substring_regex(kept, _GROUPED % ",")
        grouped_points = pc.match_substring_regex(kept, _GROUPED % r"\.")
        where = np.flatnonzero(~missing.to_numpy(zero_copy_only=False))
        empty = pc.equal(array, "")
        masks = {
            "grouped": grouped_commas,
            "comma": pc.and_not(commas, grouped_commas),
            "grouped point": grouped_points,
            "point": pc.and_not(points, grouped_points),
            "integer": pc.invert(pc.or_(commas, points)),
        }
        found = {kind: np.flatnonzero(mask.to_numpy(zero_copy_only=False)) for kind, mask in masks.items()}
        places = {kind: where[at] for kind, at in found.items()}
        places["empty"] = np.flatnonzero(empty.to_numpy(zero_copy_only=False))
        places["absent"] = np.flatnonzero(pc.and_not(missing, empty).to_numpy(zero_copy_only=False))
        for kind, at in places.items():
            if at.size:
                self.counts[kind] += int(at.size)
                self.first.setdefault(kind, (lines[at[0]], array[int(at[0])].as_py()))
        return True

    def numbers(self, decimal: str) -> int:
        """Return how many cells are numbers, given the decimal sign of the file."""
        plain = self.counts["integer"]
        if decimal == ",":
            return plain + self.counts["comma"] + self.counts["grouped"]
        return plain + self.counts["point"] + self.counts["grouped point"]

    def filled(self) -> int:
        """Return how many cells hold something."""
        return self.counts.total() - self.counts["empty"] - self.counts["absent"]

    def foreign(self, decimal: str) -> list[str]:
        """Return the kinds of cells that look like numbers and are none here."""
        other = ["point", "grouped point"] if decimal == "," else ["comma", "grouped"]
        return [kind for kind in (*other, "dressed", "infinite", "long") if self.counts[kind]]

    def is_numeric(self, decimal: str) -> bool:
        """Return whether most of what it holds are numbers, or meant to be."""
        meant = self.numbers(decimal) + sum(self.counts[kind] for kind in self.foreign(decimal))
        return meant > 0 and 2 * meant >= self.filled()

    def feature(self, decimal: str) -> Feature:
        """Return how the column is used.

        Raises:
            ValueError: it is not certain what a cell means, or nothing can be learnt from the column.
        """
        absent = self.counts["empty"] + self.counts["absent"]
        if self.is_numeric(decimal):
            self.refuse_other_than_numbers(decimal, "feature")
            self._refuse_row_numbers()
            return Feature(self.name, self.position, "number", absent)
        if self.counts["boolean"] and self.counts["boolean"] == self.filled():
            return Feature(self.name, self.position, "boolean", absent)
        if not self.filled():
            raise ValueError(f"data: feature {self.name!r} is empty in every row; fill or drop it")
        if 2 * self.counts["date"] > self.filled():
            self._refuse("date", "feature")
        different = len(self.values)
        texts = self.counts.total() - self.counts["empty"]
        if different > MOST_CATEGORIES or (texts >= 50 and 2 * different > texts):
            line, text = self.first.get("word") or next(iter(self.first.values()))
            many = f"more than {MOST_CATEGORIES}" if different > MOST_CATEGORIES else str(different)
            raise ValueError(
                f"data line {line}: feature {self.name!r} is {text!r}, one of {many} different texts in "
                f"{texts} rows; encode it as numbers or as few categories, or drop it"
            )
        return Feature(self.name, self.position, "text", self.counts["empty"])

    def refuse_other_than_numbers(self, decimal: str, role: str) -> None:
        """Refuse the first cell of a numeric column that is none.

        Raises:
            ValueError: there is one.
        """
        odd = [*self.foreign(decimal), *(kind for kind in ("word", "boolean", "date") if self.counts[kind])]
        if odd:
            self._refuse(min(odd, key=lambda kind: self.first[kind][0]), role)

    def _refuse(self, kind: str, role: str) -> None:
        line, text = self.first[kind]
        advice = _ADVICE.get(kind, "not a number; encode, fill or drop it")
        if kind in ("point", "grouped point"):
            advice = "not a number; write decimals with a comma, as elsewhere in the file"
        raise ValueError(f"data line {line}: {role} {self.name!r} is {text!r}, {advice}")

    def _refuse_row_numbers(self) -> None:
        if re.fullmatch(r"Unnamed: [0-9]+", self.name):
            raise ValueError(
                f"data: column {self.name!r} is an index that was written without a name; "
                "drop it, or name it if it means something"
            )


def kind_of(text: str) -> str:
    """Return what a cell without blanks around it is."""
    if text in MISSING:
        return "absent" if text else "empty"
    if _NUMBER.fullmatch(text):
        return _kind_of_number(text)
    for kind, shape in _SHAPES.items():
        if shape.fullmatch(text):
            return kind
    return "dressed" if _DRESSED.fullmatch(_undressed(text)) else "word"


def _kind_of_number(text: str) -> str:
    if _INTEGER.fullmatch(text):
        return "long" if len(text) > 15 and abs(int(text)) > _WIDEST else "integer"
    if not np.isfinite(float(text)):
        return "infinite"
    return "grouped point" if re.match(_GROUPED % r"\.", text) else "point"


def _undressed(text: str) -> str:
    """Return a text without signs of currency, percent and grouping, and without blanks."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    kept = (
        each for each in plain if unicodedata.category(each) not in ("Sc", "Zs") and each not in "%‰'’_()"
    )
    return "".join(kept)
