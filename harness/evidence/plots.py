"""Plots of the page: lines, bars, spans and sparklines; each is drawn for wide and for narrow screens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.evidence.drawing import Drawing, Frame, axes, path, shortened, text_width
from harness.evidence.scale import Scale, bounds, duration, log_bounds, number

WIDE = 548
FULL = 1120
NARROW = 340
_ROW = 26
_NARROW_ROW = 40


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a plot."""

    name: str
    points: tuple[tuple[float, float], ...]
    tone: str
    """CSS class of its colour, t1 to t5."""
    bad: frozenset[float] = frozenset()
    """x values at which something was wrong; their dots are red."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A labelled line across the plot at one value."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of horizontal bars."""

    label: str
    value: float
    tone: str = "t1"
    mark: float | None = None
    """A second value, drawn as a tick."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """One row of a timeline."""

    label: str
    began: float
    seconds: float
    tone: str = "t1"
    note: str = ""
    """Text next to the bar; its duration if empty."""
    inner: bool = False
    """Whether it is part of the row above it."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture for wide screens, one for narrow ones, and the numbers in both."""

    name: str
    title: str
    wide: str
    narrow: str
    legend: tuple[tuple[str, str], ...]
    """Tone and name of each series."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Rows of a table with the numbers."""


def _both(name: str, draw: Callable[[float, str], Drawing], wide: float) -> tuple[str, str]:
    return draw(wide, f"{name}-wide").markup(), draw(NARROW, f"{name}-narrow").markup()


def lines(  # noqa: PLR0913 - each is an independent option of the drawing
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    logarithmic: bool = False,
    vertical: Rule | None = None,
    horizontal: Sequence[Rule] = (),
    wide: float = WIDE,
    flatness: float = 0.56,
) -> Plot:
    """Return a plot of lines; the area beyond a vertical rule is shaded."""
    xs = [x for each in series for x, _ in each.points]
    ys = [y for each in series for _, y in each.points] + [rule.value for rule in horizontal]
    x_ends = (min([0.0, *xs]), max(xs, default=1.0) * 1.02)
    y_ends = log_bounds(ys) if logarithmic else bounds(ys)

    def draw(width: float, key: str) -> Drawing:
        height = round(width * flatness + 40)
        drawing = Drawing(
            width, height, name=key, title=title, description=_describe(series, x_label, y_label)
        )
        frame = Frame(left=46, top=32, right=width - 12, bottom=height - 44)
        x = Scale(low=x_ends[0], high=x_ends[1], start=frame.left, end=frame.right)
        y = Scale(low=y_ends[0], high=y_ends[1], start=frame.bottom, end=frame.top, logarithmic=logarithmic)
        if vertical is not None:
            place = x.place(vertical.value)
            drawing.add(
                "rect",
                x=place,
                y=frame.top,
                width=max(frame.right - place, 0),
                height=frame.bottom - frame.top,
                kind="beyond",
            )
        axes(drawing, frame, x, y, x_label=x_label, y_label=y_label)
        if vertical is not None:
            _vertical(drawing, frame, x.place(vertical.value), vertical.label)
        for each in series:
            _line(drawing, each, x, y, x_label, y_label)
        for rule in horizontal:
            place = y.place(rule.value)
            drawing.add("path", d=path([(frame.left, place), (frame.right, place)]), kind="rule")
            drawing.text(frame.left + 6, place - 6, rule.label, kind="label strong")
        return drawing

    pictures = _both(name, draw, wide)
    rows = tuple((each.name, number(x), number(y)) for each in series for x, y in each.points)
    legend = tuple((each.tone, each.name) for each in series)
    return Plot(
        name=name,
        title=title,
        wide=pictures[0],
        narrow=pictures[1],
        legend=legend,
        columns=("series", x_label, y_label),
        rows=rows,
    )


def _describe(series: Sequence[Series], x_label: str, y_label: str) -> str:
    parts = [
        f"{each.name}: {len(each.points)} points, {y_label} from {number(min(y for _, y in each.points))} "
        f"to {number(max(y for _, y in each.points))}"
        for each in series
        if each.points
    ]
    return f"{y_label} over {x_label}. " + "; ".join(parts)


def _vertical(drawing: Drawing, frame: Frame, place: float, label: str) -> None:
    drawing.add("path", d=path([(place, frame.top - 6), (place, frame.bottom)]), kind="rule")
    half = text_width(label) / 2
    middle = min(max(place, frame.left + half), frame.right - half)
    drawing.text(middle, frame.top - 12, label, anchor="middle", kind="label strong")


def _line(drawing: Drawing, series: Series, x: Scale, y: Scale, x_label: str, y_label: str) -> None:
    points = [(x.place(left), y.place(up)) for left, up in series.points]
    if not points:
        return
    drawing.add("path", d=path(points), kind=f"line {series.tone}")
    # Dots help with few measurements; with hundreds they hide the line.
    radius = 3.2 if len(points) <= 24 else 0.01
    for (left, up), (place, height) in zip(series.points, points, strict=True):
        tip = f"{series.name}: {number(up)} {y_label} at {number(left)} {x_label}"
        tone = "bad" if left in series.bad else series.tone
        drawing.add("circle", tip, cx=place, cy=height, r=radius, kind=f"dot {tone}")


def bars(
    name: str, title: str, rows: Sequence[Bar], *, unit: str, legend: Sequence[tuple[str, str]] = ()
) -> Plot:
    """Return horizontal bars, each with its value; `mark` in the legend labels the ticks."""
    high = max([row.value for row in rows] + [row.mark or 0 for row in rows], default=1.0) or 1.0

    def draw(width: float, key: str) -> Drawing:
        stacked = width <= NARROW
        height = len(rows) * (_NARROW_ROW if stacked else _ROW) + 8
        description = "; ".join(f"{row.label} {number(row.value)} {unit}" for row in rows)
        drawing = Drawing(width, height, name=key, title=title, description=description)
        gutter = (
            0 if stacked else min(max((text_width(row.label) for row in rows), default=0) + 12, width * 0.42)
        )
        scale = Scale(low=0, high=high, start=gutter, end=width - text_width(f"{number(high)} {unit}") - 12)
        for index, row in enumerate(rows):
            top = index * (_NARROW_ROW if stacked else _ROW) + 4
            if stacked:
                drawing.text(0, top + 11, shortened(row.label, width))
                top += 16
            else:
                drawing.text(gutter - 10, top + 14, shortened(row.label, gutter - 10), anchor="end")
            _bar(drawing, row, scale, top, unit)
        return drawing

    wide, narrow = _both(name, draw, WIDE)
    marked = dict(legend).get("mark")
    columns = ("", unit, marked) if marked else ("", unit)
    table = tuple(
        (row.label, number(row.value), "" if row.mark is None else number(row.mark))[: len(columns)]
        for row in rows
    )
    legend = (("t1", title), ("mark", marked)) if marked else ()
    return Plot(name=name, title=title, wide=wide, narrow=narrow, legend=legend, columns=columns, rows=table)


def _bar(drawing: Drawing, row: Bar, scale: Scale, top: float, unit: str) -> None:
    end = scale.place(row.value)
    words = f"{number(row.value)} {unit}"
    drawing.add(
        "rect",
        f"{row.label}: {words}",
        x=scale.start,
        y=top + 2,
        width=max(end - scale.start, 1.5),
        height=16,
        rx=3,
        kind=f"bar {row.tone}",
    )
    after = end
    if row.mark is not None:
        place = scale.place(row.mark)
        drawing.add("path", d=path([(place, top - 1), (place, top + 21)]), kind="tick")
        after = max(end, place)
    drawing.text(after + 8, top + 14, words, kind="label value")


def spans(name: str, title: str, rows: Sequence[Span], *, wide: float = WIDE) -> Plot:
    """Return a timeline with one row per span."""
    end = max((row.began + row.seconds for row in rows), default=1.0) or 1.0
    unit, size = ("min", 60.0) if end >= 180 else ("s", 1.0)

    def draw(width: float, key: str) -> Drawing:
        stacked = width <= NARROW
        row_height = _NARROW_ROW if stacked else _ROW
        height = len(rows) * row_height + 34
        description = "; ".join(
            f"{row.label} from {duration(row.began)} for {duration(row.seconds)}" for row in rows
        )
        drawing = Drawing(width, height, name=key, title=title, description=description)
        gutter = (
            0 if stacked else max((text_width(row.label) + 14 * row.inner for row in rows), default=0) + 12
        )
        frame = Frame(left=gutter, top=4, right=width - 8, bottom=height - 30)
        scale = Scale(low=0, high=end / size, start=frame.left, end=frame.right)
        for value in scale.ticks(4 if stacked else 8):
            place = scale.place(value)
            drawing.add("path", d=path([(place, frame.top), (place, frame.bottom)]), kind="grid")
            words = f"{number(value)} {unit}" if value else "0"
            near_end = place + text_width(words) / 2 > width
            anchor = "start" if place < 12 else "end" if near_end else "middle"
            drawing.text(place, frame.bottom + 18, words, anchor=anchor)
        for index, row in enumerate(rows):
            _span(drawing, row, scale, index * row_height + 4, size, stacked)
        return drawing

    pictures = _both(name, draw, wide)
    table = tuple((row.label, f"{row.began:.1f}", f"{row.seconds:.1f}", row.note) for row in rows)
    return Plot(
        name=name,
        title=title,
        wide=pictures[0],
        narrow=pictures[1],
        legend=(),
        columns=("", "began, s", "took, s", ""),
        rows=table,
    )


def _span(drawing: Drawing, row: Span, scale: Scale, top: float, size: float, stacked: bool) -> None:
    left, right = scale.place(row.began / size), scale.place((row.began + row.seconds) / size)
    note = row.note or duration(row.seconds)
    kind = "label" if row.inner else "label strong"
    if stacked:
        drawing.text(14 if row.inner else 0, top + 11, f"{row.label} · {note}", kind=kind)
        top += 16
    else:
        drawing.text(14 if row.inner else 0, top + 14, row.label, kind=kind)
    drawing.add(
        "rect",
        f"{row.label}: {duration(row.seconds)}, from {duration(row.began)}",
        x=left,
        y=top + (5 if row.inner else 2),
        width=max(right - left, 2),
        height=10 if row.inner else 16,
        rx=3,
        kind=f"bar {row.tone}{' inner' if row.inner else ''}",
    )
    if stacked:
        return
    inside = right + text_width(note) + 10 > scale.end
    fits = right - left > text_width(note) + 16
    if not inside:
        drawing.text(right + 8, top + 14, note, kind="label value")
    elif fits and not row.inner:
        drawing.text(right - 8, top + 14, note, anchor="end", kind="label on")
    else:
        drawing.text(left - 8, top + 14, note, anchor="end", kind="label value")


def spark(name: str, title: str, values: Sequence[float], states: Sequence[str] = ()) -> str:
    """Return a sparkline of values, with dots for the last one and for nights that were not green."""
    width, height = 132.0, 34.0
    description = ", ".join(number(value) for value in values)
    drawing = Drawing(width, height, name=name, title=title, description=description)
    low, high = min(values, default=0), max(values, default=1)
    margin = (high - low) * 0.15 or abs(high) * 0.1 or 1
    x = Scale(low=0, high=max(len(values) - 1, 1), start=5, end=width - 6)
    y = Scale(low=low - margin, high=high + margin, start=height - 5, end=5)
    points = [(x.place(index), y.place(value)) for index, value in enumerate(values)]
    if len(points) > 1:
        drawing.add("path", d=path(points), kind="line t1 thin")
    for index, (place, up) in enumerate(points):
        last = index == len(points) - 1
        if last or (states and states[index] != "green"):
            kind = "dot t1" if not states or states[index] == "green" else "dot bad"
            drawing.add("circle", number(values[index]), cx=place, cy=up, r=3.4 if last else 2.4, kind=kind)
    return drawing.markup()


def strip(name: str, title: str, states: Sequence[tuple[str, str]]) -> str:
    """Return one square per night, the last one larger; each state is a word and a tooltip."""
    size, gap = 12.0, 5.0
    width = len(states) * (size + gap) + 6
    description = ", ".join(word for word, _ in states)
    drawing = Drawing(width, size + 8, name=name, title=title, description=description)
    tones = {"green": "good", "stopped": "warn", "unfinished": "warn"}
    for index, (word, tip) in enumerate(states):
        grown = 3 if index == len(states) - 1 else 0
        drawing.add(
            "rect",
            tip,
            x=index * (size + gap),
            y=4 - grown / 2,
            width=size + grown,
            height=size + grown,
            rx=3,
            kind=f"bar {tones.get(word, 'bad')}{'' if grown else ' past'}",
        )
    return drawing.markup()
