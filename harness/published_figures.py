"""Figures that README publishes and bounds that tests keep, read from docs/figures."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from components.versions import REPOSITORY

FOLDER = REPOSITORY / "docs/figures"
README = REPOSITORY / "README.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->"
# README's order of tables.
_PUBLISHED = ("bench", "scale", "rollouts", "teams", "builds", "night", "gpu-tier")
# From here on people read minutes.
_MINUTES_FROM_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a number was measured."""

    machine: str
    date: datetime.date
    command: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    source: Source
    spread: tuple[float, ...] = ()
    """Lowest and highest value of the runs on record."""

    @property
    def number(self) -> str:
        """The value without its unit."""
        return f"{self.value:,}"

    def __str__(self) -> str:
        if self.unit == "s" and self.value >= _MINUTES_FROM_SECONDS:
            minutes, seconds = divmod(int(self.value), 60)
            return f"{minutes} min {seconds} s"
        return f"{self.number} {self.unit}".strip()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of README's table."""

    text: str
    shown: str
    figures: tuple[Figure, ...]
    source: Source


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a measured value must not pass, and the runs that it was chosen by."""

    name: str
    text: str
    value: float
    unit: str
    source: Source
    at_least: bool = False
    """Whether the value is the lowest that is accepted, not the highest."""
    trials: tuple[float, ...] = ()

    @property
    def margin(self) -> float | None:
        """The bound as a multiple of the worst run, at least 1 if that run kept it; None without runs."""
        if not self.trials:
            return None
        return min(self.trials) / self.value if self.at_least else self.value / max(self.trials)


def rows(name: str) -> tuple[Row, ...]:
    """Return the rows of a file of docs/figures."""
    content = _content(name)
    return tuple(_row(each, content) for each in content.get("row", []))


def bounds(name: str) -> dict[str, Bound]:
    """Return the bounds of a file of docs/figures, by name."""
    content = _content(name)
    found = [_bound(each, content) for each in content.get("bound", [])]
    return {each.name: each for each in found}


def table() -> str:
    """Return README's table."""
    lines = ["| what | figure | measured by |", "|---|---|---|"]
    for row in (row for name in _PUBLISHED for row in rows(name)):
        source = f"`{row.source.command}`, {row.source.date.isoformat()}"
        lines.append(f"| {row.text} | {row.shown} | {source} |")
    return "\n".join(lines) + "\n"


def updated(text: str) -> str:
    """Return a document with the table between its two markers.

    Raises:
        ValueError: it lacks a marker.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs the lines {BEGIN.strip()} and {END}, in this order")
    return before + begin + table() + end + after


def main(*, write: bool) -> int:
    """Print the table; with `write` put it into README, too."""
    print(table(), end="")
    if write:
        README.write_text(updated(README.read_text()))
    return 0


@cache
def _content(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def _source(*layers: Mapping[str, Any]) -> Source:
    """Return where a number was measured: what it does not state itself, its row or file states."""
    merged = {key: value for layer in layers for key, value in layer.items()}
    return Source(machine=merged["machine"], date=merged["date"], command=merged["command"])


def _row(row: Mapping[str, Any], content: Mapping[str, Any]) -> Row:
    figures = {
        each["name"]: Figure(
            name=each["name"],
            value=each["value"],
            unit=each["unit"],
            spread=tuple(each.get("spread", ())),
            source=_source(content, row, each),
        )
        for each in row["figures"]
    }
    only = next(iter(figures))
    return Row(
        text=row["text"].format_map(figures),
        shown=row.get("shows", f"{{{only}}}").format_map(figures),
        figures=tuple(figures.values()),
        source=_source(content, row),
    )


def _bound(bound: Mapping[str, Any], content: Mapping[str, Any]) -> Bound:
    return Bound(
        name=bound["name"],
        text=bound["text"],
        value=bound["value"],
        unit=bound["unit"],
        at_least=bound.get("at_least", False),
        trials=tuple(bound.get("trials", ())),
        source=_source(content, bound),
    )
