"""Rows of recorded requests."""

import gzip
import json
from typing import Any

import pytest

from delivery.payloads.recent import Batch
from delivery.proofs import recorded
from tests.unit.delivery.stub_predictors import line


def batch(*lines: Any) -> Batch:
    content = b"".join(
        (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines
    )
    return Batch(name=str(lines), content=gzip.compress(content), lines=len(lines))


def values(*batches: Batch, most: int = 100) -> list[tuple[Any, ...]]:
    return [each.values for each in recorded.distinct_rows(batches, most)]


def test_the_newest_rows_come_first_and_each_of_them_once() -> None:
    old = batch(line([1, 0], [0.5, 0.5]), line([2, 0], [0.5, 0.5]))
    new = batch(line([1, 0], [0.4, 0.6]), line([3, 0], [0.5, 0.5]))
    assert values(old, new) == [(3, 0), (1, 0), (2, 0)]
    assert values(old, new, most=2) == [(3, 0), (1, 0)]
    (_, newer, _) = recorded.distinct_rows([old, new], 100)
    assert newer.answer == [0.4, 0.6]


def test_rows_are_asked_for_as_they_were_sent() -> None:
    named = recorded.distinct_rows([batch(line([1, "x"], [1.0]))], 10)
    assert recorded.request(named) == {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}
    nameless = recorded.distinct_rows([batch(line([1, 2], [1.0], columns=()))], 10)
    assert recorded.request(nameless) == {"instances": [[1, 2]]}


def test_rows_that_lack_a_feature_of_others_are_left_out() -> None:
    """They were recorded while it was excluded: without it no version answers as before."""
    whole, lacking = line([1, 0], [1.0]), line([2], [1.0], columns=("a",))
    assert values(batch(whole, lacking)) == [(1, 0)]
    assert values(batch(lacking)) == [(2,)]
    other, nameless = line([3, 4], [1.0], columns=("a", "c")), line([5, 6], [1.0], columns=())
    assert values(batch(whole, other, nameless)) == [(5, 6), (3, 4), (1, 0)]


def _changed(part: str, **changes: Any) -> Any:
    found = line([1, 0], [1.0])
    found["captureData"][part].update(changes)
    return found


@pytest.mark.parametrize(
    "other",
    [
        b"no json",
        b"[" * 100_000,
        b"3",
        {},
        _changed("endpointOutput", encoding="BASE64", data="AAAA"),
        _changed("endpointOutput", data='{"error": "x"}'),
        _changed("endpointOutput", data='{"predictions": [1, 2]}'),
        _changed("endpointInput", data="[]"),
        _changed("endpointInput", data='{"dataframe_split": {"columns": 3, "data": []}}'),
        _changed("endpointInput", data='{"instances": [3]}'),
    ],
)
def test_a_line_that_is_not_understood_is_left_out(other: Any) -> None:
    assert values(batch(other, line([1, 0], [1.0]))) == [(1, 0)]
