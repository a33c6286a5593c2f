"""Sections of the page as plots: phases, load, memory, pipeline, earlier nights."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from harness.evidence import figures, history, stories
from harness.evidence.history import Entry
from harness.evidence.night import Night, State
from harness.evidence.plots import FULL, NARROW, Bar, Plot, Rule, Series, Span, bars, lines, spans, strip
from harness.evidence.scale import duration, number

_TONES = {
    State.PASSED: "good",
    State.FAILED: "bad",
    State.INTERRUPTED: "warn",
    State.RUNNING: "t1",
}
_LINES = ("t1", "t3", "t4", "t2", "t5")
"""Tones of the lines of a story."""
_COMPONENTS_SHOWN = 10
_NIGHTS_SHOWN = 20


def timeline(night: Night) -> Plot:
    """Return a timeline of phases and steps."""
    rows: list[Span] = []
    for phase in night.phases:
        if phase.state in (State.WAITING, State.SKIPPED):
            continue
        lasted = phase.seconds or max(night.seconds - phase.began, 0)
        note = duration(lasted) + ("" if phase.state is State.PASSED else f" · {phase.state}")
        rows.append(
            Span(label=phase.name, began=phase.began, seconds=lasted, tone=_TONES[phase.state], note=note)
        )
        if len(phase.steps) > 1:
            rows += [
                Span(
                    label=step.name,
                    began=step.began,
                    seconds=step.seconds,
                    tone=_TONES[step.state],
                    inner=True,
                )
                for step in phase.steps
                if step.state in _TONES
            ]
    return spans("timeline", "When each phase ran", rows, wide=FULL)


def serving(load: dict[str, Any]) -> list[Plot]:
    """Return a plot per profile: latency against rate for a ramp, latency over time for others."""
    plots: list[Plot] = []
    runs: list[dict[str, Any]] = load.get("runs", [])
    for number_of, run in enumerate(runs):
        if run.get("steps"):
            plots.append(_against_rate(f"rate-{number_of}", run))
        elif run.get("series"):
            plots.append(_over_time(f"time-{number_of}", run))
    return plots


def _limits(run: dict[str, Any]) -> list[Rule]:
    limit = run.get("slo", {}).get("p99_ms")
    return [] if limit is None else [Rule(value=limit, label=f"p99 limit: {number(limit)} ms")]


def _against_rate(name: str, run: dict[str, Any]) -> Plot:
    steps = sorted(run["steps"], key=lambda step: step["asked_per_second"])
    tails = {"p50": "t1", "p95": "t2", "p99": "t3"}
    series = [
        Series(
            name=tail,
            tone=tone,
            points=tuple((step["asked_per_second"], step[f"{tail}_ms"]) for step in steps),
        )
        for tail, tone in tails.items()
    ]
    held = [step["asked_per_second"] for step in steps if step["held"]]
    saturated = any(not step["held"] for step in steps)
    rule = (
        Rule(value=max(held), label=f"sustained up to {number(max(held))}/s") if held and saturated else None
    )
    return lines(
        name,
        f"Latency against rate: {run['profile']}",
        series,
        x_label="requests/s due",
        y_label="ms",
        logarithmic=True,
        vertical=rule,
        horizontal=_limits(run),
    )


def _over_time(name: str, run: dict[str, Any]) -> Plot:
    seconds = [second for second in run["series"] if second["p50_ms"] is not None]
    series = [
        Series(
            name=tail,
            tone=tone,
            points=tuple(
                (second["seconds"], second[f"{tail}_ms"])
                for second in seconds
                if second[f"{tail}_ms"] is not None
            ),
        )
        for tail, tone in {"p50": "t1", "p99": "t3"}.items()
    ]
    return lines(
        name,
        f"Latency over time: {run['profile']}",
        series,
        x_label="seconds",
        y_label="ms",
        logarithmic=True,
        horizontal=_limits(run),
    )


def resources(night: Night) -> list[Plot]:
    """Return plots of memory by component and of the durations of the pipeline's steps."""
    plots: list[Plot] = []
    if rows := night.memory.get(figures.AT_REST):
        plots.append(_memory(night, rows))
    if steps := night.pipeline.get("steps"):
        plots.append(_pipeline(steps))
    return plots


def _memory(night: Night, rows: list[dict[str, Any]]) -> Plot:
    later: dict[str, float] = defaultdict(float)
    for phase, sample in night.memory.items():
        if phase != figures.AT_REST:
            for row in sample:
                later[row["component"]] = max(later[row["component"]], row["proportional"])
    ordered = sorted(rows, key=lambda row: -row["proportional"])
    shown, rest = ordered[:_COMPONENTS_SHOWN], ordered[_COMPONENTS_SHOWN:]
    total = sum(row["proportional"] for row in rows)
    table = [
        Bar(
            label=row["component"],
            value=row["proportional"],
            tone="t1" if "/" in row["component"] else "t4",
            mark=later.get(row["component"]),
        )
        for row in shown
    ]
    if rest:
        table.append(
            Bar(label=f"{len(rest)} others", value=sum(row["proportional"] for row in rest), tone="t5")
        )
    title = f"Memory at rest: {number(total)} MiB"
    legend = [("t1", "pods"), ("t4", "the cluster itself")]
    if later:
        legend.append(("mark", "maximum after a later phase"))
    return bars("memory", title, table, unit="MiB", legend=legend)


def _pipeline(steps: Sequence[dict[str, Any]]) -> Plot:
    rows = [
        Bar(
            label=f"{step['name']}{' (cached)' if step.get('cached') else ''}",
            value=step["seconds"],
            tone="t1" if step["phase"] == "Succeeded" else "bad",
        )
        for step in steps
    ]
    return bars("pipeline", "Steps of the reference pipeline", rows, unit="s")


def closed_loop(night: Night) -> list[Plot]:
    """Return the pictures of rollouts and of drift."""
    return [
        lines(
            f"{story.name}-{number_of}",
            picture.title,
            [
                Series(name=name, tone=tone, points=points)
                for tone, (name, points) in zip(_LINES, picture.series.items(), strict=False)
            ],
            x_label="seconds",
            y_label=picture.unit,
            horizontal=[] if picture.limit is None else [Rule(value=picture.limit, label=picture.limit_says)],
        )
        for story in map(stories.from_table, night.stories)
        for number_of, picture in enumerate(story.pictures)
    ]


def trend(night: Night, past: Sequence[Entry]) -> list[Plot]:
    """Return plots of the main figures over the last nights, including this one."""
    now = history.entry(night, figures.of_night(night))
    nights = [*past, now][-_NIGHTS_SHOWN:]
    plots: list[Plot] = []
    bad = frozenset(float(at - len(nights) + 1) for at, each in enumerate(nights) if each.outcome != "green")
    for figure in figures.FIGURES:
        points = [
            (float(index - len(nights) + 1), each.figures[figure.name])
            for index, each in enumerate(nights)
            if figure.name in each.figures
        ]
        if len(points) < 2 or figure.name == "promises_passed":
            continue
        size, unit = (60.0, "min") if figure.unit == "s" and points[-1][1] > 180 else (1.0, figure.unit)
        scaled = tuple((at, value / size) for at, value in points)
        goal = [] if figure.goal is None else [Rule(value=figure.goal / size, label="goal")]
        plots.append(
            lines(
                f"trend-{figure.name.replace('_', '-')}",
                figure.title,
                [Series(name=figure.title, points=scaled, tone="t1", bad=bad)],
                x_label="nights ago",
                y_label=unit,
                horizontal=goal,
                wide=NARROW,
                flatness=0.3,
            )
        )
    return plots


def nights_strip(night: Night, past: Sequence[Entry]) -> str:
    """Return a strip of the outcomes of the last nights, this one last."""
    now = history.entry(night, {})
    states = [(each.outcome, f"{each.began[:10]}: {each.outcome}") for each in [*past, now][-_NIGHTS_SHOWN:]]
    return strip("nights", "How the last nights went", states)
