"""SVG elements, text and axes."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.drawing import Drawing, Frame, axes, path, shortened, text_width
from harness.evidence.scale import Scale

SVG = "{http://www.w3.org/2000/svg}"


def drawing() -> Drawing:
    return Drawing(200, 100, name="one", title="A title", description="What it shows")


def parse(found: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(found.markup())  # noqa: S314 - drawn here


def test_a_picture_is_described_for_screen_readers() -> None:
    root = parse(drawing())
    assert root.get("viewBox") == "0 0 200 100"
    assert root.get("role") == "img"
    names = {each.get("id"): each.text for each in root}
    assert names == {"one-title": "A title", "one-text": "What it shows"}
    assert (root.get("aria-labelledby") or "").split() == list(names)


def test_attributes_get_their_svg_names_and_numbers_are_short() -> None:
    picture = drawing()
    picture.add("path", "a tip <", d="M0 0", stroke_width=2.50, x=3, kind="line t1")
    element = parse(picture)[-1]
    assert element.attrib == {"d": "M0 0", "stroke-width": "2.5", "x": "3", "class": "line t1"}
    assert [each.text for each in element] == ["a tip <"]


def test_text_is_escaped_and_anchored() -> None:
    picture = drawing()
    picture.text(1.5, 2, "<b> & c", anchor="end")
    assert "&lt;b&gt; &amp; c" in picture.markup()
    assert parse(picture)[-1].attrib == {"x": "1.5", "y": "2", "text-anchor": "end", "class": "label"}


def test_a_path_goes_through_its_points() -> None:
    assert path([(0, 1), (2.5, 3)]) == "M0 1 L2.5 3"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("short", 500, "short"), ("monitoring/prometheus", 80, "monitor…eus"), ("abcdefgh", 1, "abc…h")],
)
def test_a_text_that_is_too_long_loses_its_middle(text: str, width: float, expected: str) -> None:
    assert shortened(text, width) == expected


@given(st.text(max_size=60), st.floats(min_value=40, max_value=600))
def test_a_shortened_text_fits_and_keeps_its_start(text: str, width: float) -> None:
    fitted = shortened(text, width)
    assert text_width(fitted) <= width
    assert fitted == text or (text.startswith(fitted.split("…")[0]) and len(fitted) < len(text))


def test_axes_have_a_grid_line_per_round_value_and_both_labels() -> None:
    picture = drawing()
    frame = Frame(left=46, top=32, right=188, bottom=60)
    x = Scale(low=-2, high=0, start=frame.left, end=frame.right)
    y = Scale(low=0, high=100, start=frame.bottom, end=frame.top)
    axes(picture, frame, x, y, x_label="nights ago", y_label="MiB")
    root = parse(picture)
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"nights ago", "MiB", "0", "100", "2"} <= set(texts)
    assert not any((text or "").startswith("-") for text in texts), "earlier nights are counted, not negative"
    grid = [each for each in root.iter(f"{SVG}path") if each.get("class") == "grid"]
    assert len(grid) == len(y.ticks(4))
    assert [each.get("class") for each in root.iter(f"{SVG}path")].count("axis") == 1
