"""Figures of earlier nights, in the cache: one line of JSON per night."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.evidence.night import Night
from upstream.cache import write_atomically

_ENTRIES = 200


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One night, as later nights are compared with it."""

    run: str
    began: str
    outcome: str
    """green, stopped, unfinished, or the class of its fault."""
    commit: str = ""
    figures: dict[str, float] = field(default_factory=dict[str, float])


def outcome(night: Night) -> str:
    """Return the outcome of a night in one word."""
    if night.stopped_by:
        return "stopped"
    return "green" if night.is_green else str(night.fault or "unfinished")


def entry(night: Night, figures: dict[str, float]) -> Entry:
    """Return the entry of a night."""
    return Entry(
        run=night.run, began=night.began, outcome=outcome(night), commit=night.commit, figures=figures
    )


def read(file: Path) -> list[Entry]:
    """Return the nights in a file, oldest first; lines that cannot be parsed are left out."""
    entries: list[Entry] = []
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return entries
    for line in lines:
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def add(file: Path, new: Entry) -> list[Entry]:
    """Add a night to the file, replacing an earlier entry of it; return all entries."""
    entries = [each for each in read(file) if each.run != new.run]
    entries = sorted([*entries, new], key=lambda each: each.run)[-_ENTRIES:]
    write_atomically(file, "".join(json.dumps(asdict(each)) + "\n" for each in entries))
    return entries


def before(entries: Sequence[Entry], run: str) -> list[Entry]:
    """Return the nights before one."""
    return [each for each in entries if each.run < run]


def typical(entries: Sequence[Entry], figure: str, nights: int = 7) -> float | None:
    """Return the median of a figure over the last green nights; None without any."""
    values = [each.figures[figure] for each in entries if each.outcome == "green" and figure in each.figures]
    return statistics.median(values[-nights:]) if values else None
