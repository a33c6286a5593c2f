"""Rows of a CSV file as people write them: the separator is found, and what cannot be read names its line.

Embedded in the steps that read data, so it imports nothing of this repository.
"""

import codecs
import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_OTHER_FORMATS = {
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"PK\x03\x04": "a zip file or an Excel workbook; unpack it, or save the sheet as CSV",
    b"PAR1": "a Parquet file; save it as CSV",
    b"\xff\xfe": "UTF-16 text; save the CSV file as UTF-8",
    b"\xfe\xff": "UTF-16 text; save the CSV file as UTF-8",
}
_SAMPLED_LINES = 100
_CHUNK_CELLS = 200_000
_CHUNK_ROWS = 250
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """Where the values of a file are."""

    separator: str
    skipped_lines: int
    """Lines before the header: comments, and Excel's `sep=`."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, column by column."""

    lines: list[int]
    """Line of each row, for messages."""
    columns: list[tuple[str, ...]]


def layout(path: Path, target: str) -> Layout:
    """Find the separator, by the name of the target in the header and by rows of one width."""
    with path.open("rb") as file:
        start = file.read(4)
    for magic, advice in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise ValueError(f"data: not a CSV file but {advice}")
    sample = list(islice(_lines(path), _SAMPLED_LINES))
    first = next((at for at, line in enumerate(sample) if line.strip()), 0)
    declared = sample[first].strip() if sample else ""
    if declared.lower().startswith("sep=") and declared[4:] in (*SEPARATORS, ""):
        return Layout(declared[4:] or "\t", first + 1)
    header = next((at for at, line in enumerate(sample) if line.strip() and line[0] != "#"), first)
    candidates = [Layout(separator, skipped) for skipped in {first, header} for separator in SEPARATORS]
    best = max(candidates, key=lambda each: _fit(sample, each, target))
    # A header may begin with #, if it has the target or nothing follows it; otherwise that line is a comment.
    return best if _fit(sample, best, target)[0] else Layout(best.separator, header)


def rows(path: Path, found: Layout) -> Iterator[tuple[int, list[str]]]:
    """Return the header, then every row that holds anything, each with its line."""
    lines = _lines(path)
    for _ in islice(lines, found.skipped_lines):
        pass
    reader = csv.reader(lines, delimiter=found.separator, skipinitialspace=True, strict=True)
    width = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = reader.line_num + found.skipped_lines
            raise ValueError(f"data line {line}: {error}; check the quotes in or before that line") from None
        if not any(row) or not "".join(row).strip():
            continue
        width = width or len(row)
        if len(row) == width + 1 and not row[-1].strip():
            row.pop()
        line = reader.line_num + found.skipped_lines
        if len(row) != width:
            hint = "quote values that hold one" if len(row) > width else "fix that line"
            raise ValueError(
                f"data line {line}: {len(row)} values under {width} columns, "
                f"with {SEPARATORS[found.separator]} between them; {hint}"
            )
        yield line, row


def chunks(path: Path, found: Layout, size: int = 0) -> Iterator[Chunk]:
    """Return the rows under the header in parts of a size, or else of one that fits in little memory."""
    every = rows(path, found)
    header = next(every, (0, []))[1]
    # Not fewer rows, however many columns: each column of a part costs a constant time.
    size = size or max(_CHUNK_ROWS, _CHUNK_CELLS // max(1, len(header)))
    while part := list(islice(every, size)):
        yield Chunk([line for line, _ in part], list(zip(*(row for _, row in part), strict=True)))


def _fit(sample: list[str], found: Layout, target: str) -> tuple[bool, float, int]:
    """Return whether the header has the target, the share of rows of its width, and that width."""
    text = sample[found.skipped_lines :]
    read: list[list[str]] = []
    # What was read before a fault, or before the end of the sample within quotes, is enough.
    with suppress(csv.Error):
        for row in csv.reader(text, delimiter=found.separator, skipinitialspace=True):
            read.append([cell.strip() for cell in row])
    header, *rest = [row for row in read if any(row)] or [[]]
    width = len(header)
    even = sum(len(row) in (width, width + 1) for row in rest) / max(1, len(rest))
    return target in header, even if width > 1 else 0.0, width


def _lines(path: Path) -> Iterator[str]:
    """Return the lines of a text file, each with its end: a line feed, a carriage return, or both."""
    at = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        while True:
            try:
                line = file.readline(_LONGEST_LINE)
            except UnicodeDecodeError:
                raise ValueError(_where_not_utf8(path)) from None
            if not line:
                return
            at += 1
            if len(line) == _LONGEST_LINE:
                raise ValueError(f"data line {at}: longer than 16 MB; end each row with a line feed")
            if "\0" in line:
                raise ValueError(f"data line {at}: a NUL byte; remove it, or export the file again")
            yield line


def _where_not_utf8(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    before, line = 0, 1
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(part)
            except UnicodeDecodeError as error:
                place = before - pending + error.start
                line += part[: max(0, error.start - pending)].count(b"\n")
                return f"data line {line}: not UTF-8 text at byte {place}; save the CSV file as UTF-8"
            line += part.count(b"\n")
            before += len(part)
    return f"data line {line}: not UTF-8 text at byte {before}; save the CSV file as UTF-8"
