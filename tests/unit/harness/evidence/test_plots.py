"""Plots: every value is drawn at its place, in both sizes, with texts for screen readers."""

from xml.etree import ElementTree

import pytest

from harness.evidence import plots
from harness.evidence.drawing import Drawing, shortened
from harness.evidence.plots import Bar, Plot, Rule, Series, Span

SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)  # noqa: S314 (drawn by this repository)


def of_kind(markup: str, kind: str) -> list[ElementTree.Element]:
    return [each for each in parsed(markup).iter() if kind in (each.get("class") or "").split()]


def words(markup: str) -> list[str]:
    return [each.text or "" for each in parsed(markup).iter(f"{SVG}text")]


LATENCY = plots.lines(
    "latency",
    "Latency against rate",
    [Series(name="p99", tone="t3", points=((100.0, 10.0), (200.0, 20.0), (300.0, 400.0)))],
    x_label="requests/s",
    y_label="ms",
    logarithmic=True,
    vertical=Rule(value=200.0, label="sustained up to 200/s"),
    horizontal=[Rule(value=50.0, label="p99 limit: 50 ms")],
)
MEMORY = plots.bars("memory", "Memory", [Bar(label="etcd", value=50.0, mark=100.0)], unit="MiB")
PHASES = plots.spans(
    "phases",
    "Phases",
    [
        Span(label="up", began=0, seconds=300),
        Span(label="deploy", began=100, seconds=200, inner=True),
        Span(label="down", began=300, seconds=300, tone="bad"),
    ],
)


@pytest.mark.parametrize("plot", [LATENCY, MEMORY, PHASES])
def test_a_picture_has_a_title_and_a_description_of_its_own_in_both_sizes(plot: Plot) -> None:
    for size, markup in (("wide", plot.wide), ("narrow", plot.narrow)):
        svg = parsed(markup)
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == f"{plot.name}-{size}-title {plot.name}-{size}-text"
        title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
        assert title is not None
        assert title.text == plot.title
        assert description is not None
        assert description.text
    assert plot.rows


def test_a_line_has_a_dot_with_a_tooltip_for_each_value() -> None:
    dots = of_kind(LATENCY.wide, "dot")
    tips = [dot.findtext(f"{SVG}title") for dot in dots]
    assert tips == [
        "p99: 10 ms at 100 requests/s",
        "p99: 20 ms at 200 requests/s",
        "p99: 400 ms at 300 requests/s",
    ]
    heights = [float(dot.get("cy", "0")) for dot in dots]
    assert heights == sorted(heights, reverse=True)


def test_the_area_beyond_the_saturation_point_is_shaded() -> None:
    (beyond,) = of_kind(LATENCY.wide, "beyond")
    assert float(beyond.get("x", "0")) == float(of_kind(LATENCY.wide, "dot")[1].get("cx", "0"))
    assert {"sustained up to 200/s", "p99 limit: 50 ms"} <= set(words(LATENCY.narrow))


def test_a_bar_is_as_long_as_its_value_and_its_tick_stands_at_the_other() -> None:
    (bar,) = of_kind(MEMORY.wide, "bar")
    (tick,) = of_kind(MEMORY.wide, "tick")
    start, length = float(bar.get("x", "0")), float(bar.get("width", "0"))
    at = float((tick.get("d") or "").split()[0].removeprefix("M"))
    assert at - start == pytest.approx(2 * length, abs=0.1)
    assert "50 MiB" in words(MEMORY.narrow)


def test_spans_share_one_axis_of_time() -> None:
    up, deploy, down = of_kind(PHASES.wide, "bar")
    assert float(up.get("width", "0")) == pytest.approx(float(down.get("width", "0")), abs=0.1)
    assert float(deploy.get("x", "0")) + float(deploy.get("width", "0")) == pytest.approx(
        float(down.get("x", "0")), abs=0.1
    )
    assert "bad" in (down.get("class") or "")


def test_sparks_mark_the_last_value_and_nights_that_were_not_green() -> None:
    markup = plots.spark("s", "Seconds", [3.0, 4.0, 5.0], ["green", "product", "green"])
    assert [dot.get("class") for dot in of_kind(markup, "dot")] == ["dot bad", "dot t1"]


def test_the_strip_has_a_square_per_night() -> None:
    markup = plots.strip("n", "Nights", [("green", "a"), ("infra", "b"), ("stopped", "c")])
    assert [each.get("class") for each in of_kind(markup, "bar")] == [
        "bar good past",
        "bar bad past",
        "bar warn",
    ]


def test_words_in_a_picture_are_escaped() -> None:
    drawing = Drawing(10, 10, name="x", title="<b>", description="&")
    drawing.text(0, 0, "<script>")
    assert "<script>" not in drawing.markup()
    assert words(drawing.markup()) == ["<script>"]


def test_a_long_label_keeps_its_ends() -> None:
    assert shortened("kubeflow/metadata-grpc", 68) == "kubefl…rpc"
    assert shortened("etcd", 68) == "etcd"


def test_a_plot_without_values_is_an_empty_frame() -> None:
    empty = plots.lines("e", "Empty", [Series(name="p50", tone="t1", points=())], x_label="s", y_label="ms")
    assert of_kind(empty.wide, "axis")
    assert empty.rows == ()
