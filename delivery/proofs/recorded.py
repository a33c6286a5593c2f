"""Rows that callers have sent, and what the version that serves answered, from recorded requests."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.payloads.recent import Batch
from delivery.proofs import answers
from delivery.proofs.answers import Row


@dataclass(frozen=True, kw_only=True)
class RecordedRow:
    """One row and the answer to it."""

    columns: tuple[str, ...]
    """Names of its values; empty if they have none."""
    values: tuple[Any, ...]
    answer: Row


def distinct_rows(batches: Sequence[Batch], most: int) -> list[RecordedRow]:
    """Return the newest rows, each of them once: a row that is sent again shows nothing new.

    Rows that lack what others have are left out: they were recorded while a feature was excluded.

    Args:
        batches: Recorded requests, the newest last.
        most: Rows, at most.
    """
    found: dict[str, RecordedRow] = {}
    for batch in reversed(batches):
        for line in reversed(gzip.decompress(batch.content).splitlines()):
            for each in _rows(line):
                if len(found) >= most:
                    return _whole([*found.values()])
                found.setdefault(repr((each.columns, each.values)), each)
    return _whole([*found.values()])


def _whole(rows: list[RecordedRow]) -> list[RecordedRow]:
    known = {frozenset(each.columns) for each in rows if each.columns}
    lacking = {columns for columns in known if any(columns < other for other in known)}
    return [each for each in rows if frozenset(each.columns) not in lacking]


def request(rows: Sequence[RecordedRow]) -> dict[str, Any]:
    """Return a body that asks for rows of the same columns again."""
    data, columns = [list(each.values) for each in rows], rows[0].columns
    return {"dataframe_split": {"columns": list(columns), "data": data}} if columns else {"instances": data}


def _rows(line: bytes) -> Iterator[RecordedRow]:
    """Yield the rows of a line; none of one that is not understood, such as a binary answer."""
    try:
        captured = json.loads(line)["captureData"]
        if captured["endpointOutput"]["encoding"] != "JSON":
            return
        given = json.loads(captured["endpointInput"]["data"])
        answered = answers.rows_of(json.loads(captured["endpointOutput"]["data"]))
        split = given.get("dataframe_split")
        columns = tuple(map(str, split["columns"])) if split else ()
        values = [tuple(each) for each in (split["data"] if split else given["instances"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    if len(values) == len(answered):
        for row, answer in zip(values, answered, strict=True):
            yield RecordedRow(columns=columns, values=row, answer=answer)
