"""Stories: what a journey saw from second to second, for the pictures of the page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from upstream.cache import write_atomically

FOLDER = "stories"
"""Of the reports of a run of journeys."""
_VARIABLES = 5
"""Lines whose colours differ."""
_SERVES = ("Baking", "Promoted")
_EVIDENCE = {"failsMore": "fails more often", "slower": "is slower", "goodEnough": "is good enough"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One plot of a story."""

    title: str
    unit: str
    """Label of its vertical axis."""
    series: Mapping[str, tuple[tuple[float, float], ...]]
    """Name -> (seconds since the story began, value)."""
    limit: float | None = None
    """A value at which something is decided."""
    limit_says: str = ""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happened, how it ended, and its pictures."""

    name: str
    """Name of its file: small letters and dashes."""
    title: str
    outcome: str
    pictures: tuple[Picture, ...]


def write(story: Story, folder: Path) -> None:
    """Write a story to its file; the same journey's former story is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{story.name}.json", json.dumps(to_table(story), indent=1) + "\n")


def read_all(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the stories of a folder as tables, in the order of their names."""
    return tuple(json.loads(file.read_text()) for file in sorted(folder.glob("*.json")))


def to_table(story: Story) -> dict[str, Any]:
    """Return a story as a table that JSON can carry."""
    table: dict[str, Any] = json.loads(json.dumps(asdict(story)))
    return table


def from_table(table: Mapping[str, Any]) -> Story:
    """Return a story from its table."""
    changed: dict[str, Any] = {**table, "pictures": tuple(_picture(each) for each in table["pictures"])}
    return Story(**changed)


def _picture(table: Mapping[str, Any]) -> Picture:
    series = {name: tuple((x, y) for x, y in points) for name, points in table["series"].items()}
    changed: dict[str, Any] = {**table, "series": series}
    return Picture(**changed)


def of_rollout(name: str, title: str, seen: Iterable[tuple[float, Mapping[str, Any]]]) -> Story:
    """Return the story of a rollout.

    Args:
        name: Name of its file.
        title: What was tried.
        seen: (seconds since it began, the ModelRollout as it was), the last one ended.
    """
    statuses = [(seconds, found.get("status", {})) for seconds, found in seen]
    weights: dict[str, list[tuple[float, float]]] = {"share of the new version": []}
    evidence: dict[str, list[tuple[float, float]]] = {each: [] for each in _EVIDENCE.values()}
    for seconds, status in statuses:
        share = 100.0 if status.get("phase") in _SERVES else float(status.get("weight", 0))
        weights["share of the new version"].append((seconds, share))
        for kind, says in _EVIDENCE.items():
            value = status.get("evidence", {}).get(kind)
            if value is not None:
                # What counts against the suspicion is nothing in its favour: the picture begins at 0.
                evidence[says].append((seconds, max(0.0, value / status["evidence"][f"{kind}Threshold"])))
    last = statuses[-1][1] if statuses else {}
    return Story(
        name=name,
        title=title,
        outcome=f"{last.get('phase', 'unknown')}: {last.get('reason', '')}",
        pictures=(
            Picture(title=f"{title}: share of the requests", unit="%", series=_frozen(weights)),
            Picture(
                title=f"{title}: evidence, as a share of what decides",
                unit="share",
                series=_frozen(evidence),
                limit=1.0,
                limit_says="verdict",
            ),
        ),
    )


def _frozen(
    series: Mapping[str, Iterable[tuple[float, float]]],
) -> dict[str, tuple[tuple[float, float], ...]]:
    return {name: tuple(points) for name, points in series.items()}


def of_drift(
    name: str, title: str, outcome: str, index: Mapping[str, Sequence[tuple[float, float]]]
) -> Story:
    """Return the story of rows that move away from those of training, by what moved furthest.

    Args:
        name: Name of its file.
        title: What was sent.
        outcome: What came of it.
        index: Variable -> (seconds since the rows began, distance from training as a share of its threshold).
    """
    furthest = sorted(index, key=lambda each: -max(value for _, value in index[each]))[:_VARIABLES]
    picture = Picture(
        title=f"{title}: distance from training, as a share of what is too far",
        unit="share",
        series=_frozen({each: index[each] for each in furthest}),
        limit=1.0,
        limit_says="drifted, if two windows in a row are beyond it",
    )
    return Story(name=name, title=title, outcome=outcome, pictures=(picture,))
