"""Figures as README shows them, and bounds with their margins."""

import datetime
from pathlib import Path

import pytest

from harness import published_figures
from harness.published_figures import BEGIN, END, Bound, Figure, Source

SOURCE = Source(machine="m", date=datetime.date(2026, 11, 22), command="make bench")
FILE = """
machine = "2 cores"
date = 2026-11-22
command = "make bench"

[[row]]
text = "a burst on {nodes.number} nodes"
shows = "{quiet}; up to {busy} alongside other work"
figures = [
    { name = "nodes", value = 1006, unit = "nodes" },
    { name = "quiet", value = 40, unit = "s", spread = [40, 110] },
    { name = "busy", value = 110, unit = "s", date = 2026-11-21, command = "make nightly" },
]

[[row]]
text = "memory"
command = "make verify"
figures = [{ name = "resident", value = 3190, unit = "MiB" }]

[[bound]]
name = "burst"
text = "a burst runs"
value = 300
unit = "s"
trials = [110, 40]

[[bound]]
name = "ratio"
text = "against a bare app"
value = 0.5
unit = "x"
at_least = true
trials = [0.75, 1.0]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one file of figures, the only one that is published."""
    (tmp_path / "sample.toml").write_text(FILE)
    monkeypatch.setattr(published_figures, "FOLDER", tmp_path)
    monkeypatch.setattr(published_figures, "README", tmp_path / "README.md")
    monkeypatch.setattr(published_figures, "_PUBLISHED", ("sample",))
    published_figures._content.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (40, "s", "40 s"),
        (299, "s", "299 s"),
        (300, "s", "5 min 0 s"),
        (2445, "s", "40 min 45 s"),
        (3190, "MiB", "3,190 MiB"),
        (0.7, "ms", "0.7 ms"),
        (0.0, "", "0.0"),
    ],
)
def test_a_figure_reads_as_people_write_it(value: float, unit: str, text: str) -> None:
    assert str(Figure(name="f", value=value, unit=unit, source=SOURCE)) == text


def test_a_row_puts_its_figures_into_its_texts() -> None:
    burst, memory = published_figures.rows("sample")
    assert burst.text == "a burst on 1,006 nodes"
    assert burst.shown == "40 s; up to 110 s alongside other work"
    assert memory.shown == "3,190 MiB"


def test_a_figure_has_the_source_of_its_file_unless_it_or_its_row_names_another() -> None:
    burst, memory = published_figures.rows("sample")
    quiet, busy = burst.figures[1:]
    assert (quiet.source.command, quiet.spread) == ("make bench", (40, 110))
    assert (busy.source.command, busy.source.date) == ("make nightly", datetime.date(2026, 11, 21))
    assert memory.figures[0].source.command == memory.source.command == "make verify"


def test_the_table_names_command_and_date_of_each_row() -> None:
    assert published_figures.table().splitlines() == [
        "| what | figure | measured by |",
        "|---|---|---|",
        "| a burst on 1,006 nodes | 40 s; up to 110 s alongside other work | `make bench`, 2026-11-22 |",
        "| memory | 3,190 MiB | `make verify`, 2026-11-22 |",
    ]


def test_bounds_know_their_margin() -> None:
    bounds = published_figures.bounds("sample")
    assert bounds["burst"].margin == pytest.approx(300 / 110)
    assert bounds["ratio"].margin == pytest.approx(1.5)
    assert Bound(name="b", text="", value=1, unit="s", source=SOURCE).margin is None


def test_only_what_is_between_the_markers_is_replaced() -> None:
    text = f"before\n{BEGIN}old\n{END}after\n"
    once = published_figures.updated(text)
    assert once == f"before\n{BEGIN}{published_figures.table()}{END}after\n"
    assert published_figures.updated(once) == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_both_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="figures: begin"):
        published_figures.updated(text)


def test_the_table_is_printed_and_written_only_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = folder / "README.md"
    readme.write_text(f"{BEGIN}{END}")
    assert published_figures.main(write=False) == 0
    assert capsys.readouterr().out == published_figures.table()
    assert readme.read_text() == f"{BEGIN}{END}"
    assert published_figures.main(write=True) == 0
    assert readme.read_text() == f"{BEGIN}{published_figures.table()}{END}"
