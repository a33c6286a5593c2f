"""Draws SVG: elements, text and axes. Colours come from the page's style sheet, so that dark mode works."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from harness.evidence.scale import Scale, number

FONT = 12
_CHARACTER = 6.8


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The rectangle inside the axes."""

    left: float
    top: float
    right: float
    bottom: float


class Drawing:
    """An SVG picture with a title and a description for screen readers."""

    def __init__(self, width: float, height: float, *, name: str, title: str, description: str) -> None:
        """Begin an empty picture; `name` must be unique on the page."""
        self.width, self.height = width, height
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width:g} {height:g}",
                "role": "img",
                "aria-labelledby": f"{name}-title {name}-text",
            },
        )
        ElementTree.SubElement(self._root, "title", {"id": f"{name}-title"}).text = title
        ElementTree.SubElement(self._root, "desc", {"id": f"{name}-text"}).text = description

    def add(self, tag: str, tip: str = "", **attributes: object) -> None:
        """Add an element; in attribute names write a dash as an underscore, and `class` as `kind`."""
        named = {
            "class" if key == "kind" else key.replace("_", "-"): f"{value:g}"
            if isinstance(value, float)
            else str(value)
            for key, value in attributes.items()
        }
        element = ElementTree.SubElement(self._root, tag, named)
        if tip:
            ElementTree.SubElement(element, "title").text = tip

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", kind: str = "label") -> None:
        """Add text at a place."""
        attributes = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor, "class": kind}
        ElementTree.SubElement(self._root, "text", attributes).text = words

    def markup(self) -> str:
        """Return the picture as SVG text."""
        return ElementTree.tostring(self._root, encoding="unicode")


def text_width(words: str) -> float:
    """Return the approximate width of a text in the pictures' font."""
    return len(words) * _CHARACTER


def shortened(words: str, width: float) -> str:
    """Return a text that fits a width, with its middle replaced by an ellipsis if it is too long."""
    fits = max(int(width / _CHARACTER), 5)
    if len(words) <= fits:
        return words
    head = fits * 2 // 3
    return f"{words[:head]}…{words[len(words) - (fits - head - 1) :]}"


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return an SVG path through points."""
    return "M" + " L".join(f"{x:g} {y:g}" for x, y in points)


def axes(drawing: Drawing, frame: Frame, x: Scale, y: Scale, *, x_label: str, y_label: str) -> None:
    """Draw grid lines at round values, and label both axes."""
    for value in y.ticks(4):
        place = y.place(value)
        drawing.add("path", d=path([(frame.left, place), (frame.right, place)]), kind="grid")
        drawing.text(frame.left - 8, place + 4, number(value), anchor="end")
    for value in x.ticks(max(3, int((frame.right - frame.left) / 90))):
        # Times before now are negative; show how long ago they are.
        drawing.text(x.place(value), frame.bottom + 18, number(abs(value)), anchor="middle")
    drawing.add("path", d=path([(frame.left, frame.bottom), (frame.right, frame.bottom)]), kind="axis")
    drawing.text(0, frame.top - 14, y_label)
    drawing.text(frame.right, frame.bottom + 36, x_label, anchor="end")
