"""The evidence page: one self-contained HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.evidence import figures, history, plots, sections
from harness.evidence.history import Entry
from harness.evidence.night import Fault, Night, State
from harness.evidence.scale import duration, number

_HEADLINES = {
    Fault.PRODUCT: "The platform failed a promise.",
    Fault.INFRA: "The machine caused a failure.",
    Fault.TEST: "The tests themselves failed.",
}
_TILES = (
    "seconds",
    "up_seconds",
    "chain_seconds",
    "saturation_per_second",
    "half_p99_ms",
    "bare_ratio",
    "memory_mib",
    "monitoring_mib",
)
_NOTICEABLE = 0.05


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure, compared with earlier nights and with its goal."""

    title: str
    value: str
    unit: str
    comparison: str
    tone: str
    """good, bad or plain."""
    goal: str
    spark: str


def headline(night: Night) -> tuple[str, str]:
    """Return the outcome in a few words, and the state that selects their colour."""
    if night.stopped_by:
        during = [each.name for each in night.phases if each.state is State.INTERRUPTED]
        before = [each.name for each in night.phases if each.state is State.SKIPPED]
        where = f"during {during[0]}" if during else f"before {before[0]}" if before else "at the end"
        return f"{'Killed' if night.stopped_by == 'killed' else 'Stopped'} {where}.", "stopped"
    if not night.finished:
        where = next((each.name for each in night.phases if each.state is State.RUNNING), "its beginning")
        return f"Not finished: in {where}.", "stopped"
    if night.is_green:
        return "Everything passed.", "green"
    return _HEADLINES[night.fault or Fault.TEST], "red"


def summary(night: Night) -> str:
    """Return the night in one sentence."""
    counts = figures.outcomes(night)
    parts = [f"{counts['passed']} promises passed"]
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    if not_done := [phase.name for phase in night.phases if phase.state is State.SKIPPED]:
        parts.append(f"{' and '.join(not_done)} not reached")
    return f"{', '.join(parts)}, in {duration(night.seconds)}."


def tiles(night: Night, past: Sequence[Entry]) -> list[Tile]:
    """Return the figures of the night, compared with earlier nights; unmeasured ones are left out."""
    measured = figures.of_night(night)
    known = {figure.name: figure for figure in figures.FIGURES}
    return [_tile(known[name], measured[name], past) for name in _TILES if name in measured]


def _tile(figure: figures.Figure, value: float, past: Sequence[Entry]) -> Tile:
    typical = history.typical(past, figure.name)
    comparison, tone = "", "plain"
    if typical:
        change = (value - typical) / typical
        better = (change > 0) is figure.higher_is_better
        if abs(change) < _NOTICEABLE:
            comparison = "as usual"
        else:
            comparison = f"{abs(change):.0%} {'more' if change > 0 else 'less'} than usual"
            tone = "good" if better else "bad"
    goal = ""
    if figure.goal is not None:
        met = value >= figure.goal if figure.higher_is_better else value <= figure.goal
        limit = duration(figure.goal) if figure.unit == "s" else f"{number(figure.goal)} {figure.unit}"
        goal = f"goal {'at least' if figure.higher_is_better else 'under'} {limit}"
        tone = tone if met else "bad"
    seen = [each for each in past if figure.name in each.figures][-19:]
    values = [each.figures[figure.name] for each in seen] + [value]
    states = [each.outcome for each in seen] + ["green"]
    spark = plots.spark(f"spark-{figure.name}", figure.title, values, states) if len(values) > 1 else ""
    text, unit = (duration(value), "") if figure.unit == "s" else (number(value), figure.unit)
    return Tile(
        title=figure.title,
        value=text,
        unit=unit,
        comparison=comparison,
        tone=tone,
        goal=goal,
        spark=Markup(spark),  # noqa: S704 (drawn by ElementTree, which escapes)
    )


def _promises(night: Night) -> list[dict[str, Any]]:
    """Return the promises by phase, failed ones first."""
    groups: list[dict[str, Any]] = []
    for phase in night.phases:
        rows = [each for each in night.promises if each["phase"] == phase.name]
        if not rows:
            continue
        order = {"failed": 0, "skipped": 1, "passed": 2}
        rows.sort(key=lambda each: order.get(each["outcome"], 0))
        failed = sum(each["outcome"] == "failed" for each in rows)
        longest = max(each["seconds"] for each in rows) or 1
        groups.append({"phase": phase.name, "rows": rows, "failed": failed, "longest": longest})
    return groups


def render(night: Night, past: Sequence[Entry]) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "number": number, "drawing": Markup}
    words, state = headline(night)
    return environment.get_template("page.html").render(
        night=night,
        headline=words,
        state=state,
        summary=summary(night),
        nights=sections.nights_strip(night, past) if past else "",
        tiles=tiles(night, past),
        timeline=sections.timeline(night),
        serving=sections.serving(night.load),
        closed_loop=sections.closed_loop(night),
        resources=sections.resources(night),
        trend=sections.trend(night, past),
        promises=_promises(night),
    )
