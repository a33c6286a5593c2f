"""Rows of files as people write them."""

from pathlib import Path

import pytest

from workloads.steps import csv_rows
from workloads.steps.csv_rows import Layout, chunks, layout, rows


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("content", "separator", "skipped"),
    [
        ("a,kind\n1,x\n", ",", 0),
        ("a;kind\n1,5;x\n", ";", 0),
        ("a\tkind\n1.5\tx\n", "\t", 0),
        ("a|kind\n1.5|x\n", "|", 0),
        ("a;b, c;kind\n1;2;x\n", ";", 0),
        ("# made by a tool, on a day\na,kind\n1,x\n", ",", 1),
        ("#a,kind\n1,x\n", ",", 0),
        ("sep=;\na;kind\n1;x\n", ";", 1),
        ("\n\na;kind\n1;x\n", ";", 2),
        ("a;b\n1;x\n", ";", 0),
        ("kind\nx\n", ",", 0),
        ("", ",", 0),
    ],
)
def test_the_separator_and_the_header_are_found(
    tmp_path: Path, content: str, separator: str, skipped: int
) -> None:
    assert layout(written(tmp_path, content), "kind") == Layout(separator, skipped)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\r\n1,2\r\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("a,b\r1,2\r", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("\ufeffa,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("a,b\n\n  \n,\n1,2\n", [(1, ["a", "b"]), (5, ["1", "2"])]),
        ('a,"b\nc"\n1, "x, y"\n', [(2, ["a", "b\nc"]), (3, ["1", "x, y"])]),
        ("a,b\n1,2,\n3,4\n", [(1, ["a", "b"]), (2, ["1", "2"]), (3, ["3", "4"])]),
    ],
)
def test_rows_have_the_line_that_an_editor_shows(
    tmp_path: Path, content: str, expected: list[tuple[int, list[str]]]
) -> None:
    assert list(rows(written(tmp_path, content), Layout(",", 0))) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a,b\n1\n", "data line 2: 1 values under 2 columns, with commas between them; fix that line"),
        (
            "a,b\n1,5,2\n",
            "data line 2: 3 values under 2 columns, with commas between them; quote values that hold one",
        ),
        ("a,b\n1,x\0\n", "data line 2: a NUL byte; remove it, or export the file again"),
        (
            'a,b\n1,"x\n2,y\n',
            "data line 3: unexpected end of data; check the quotes in or before that line",
        ),
        (
            "a,b\n1,s\xfc\xdf\n".encode("latin-1"),
            "data line 2: not UTF-8 text at byte 7; save the CSV file as UTF-8",
        ),
        (b"a,b\n1,\xc3", "data line 2: not UTF-8 text at byte 7; save the CSV file as UTF-8"),
    ],
)
def test_what_cannot_be_read_names_its_line(tmp_path: Path, content: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        list(rows(written(tmp_path, content), Layout(",", 0)))
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x1f\x8b\x08\x00", "gzip; unpack it"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"PAR1", "a Parquet file"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16 text; save the CSV file as UTF-8"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        layout(written(tmp_path, content), "kind")


def test_a_line_without_end_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_LONGEST_LINE", 10)
    with pytest.raises(ValueError, match="data line 2: longer than 16 MB; end each row with a line feed"):
        list(rows(written(tmp_path, "a,b\n12345678901,2\n"), Layout(",", 0)))


def test_parts_hold_all_rows_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_CHUNK_CELLS", 4)
    monkeypatch.setattr(csv_rows, "_CHUNK_ROWS", 1)
    found = list(chunks(written(tmp_path, "a,b\n1,2\n3,4\n5,6\n"), Layout(",", 0)))
    assert [part.lines for part in found] == [[2, 3], [4]]
    assert [part.columns for part in found] == [[("1", "3"), ("2", "4")], [("5",), ("6",)]]
