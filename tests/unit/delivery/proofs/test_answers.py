"""Answers row by row, and how far they are apart."""

import math
from typing import Any

import pytest

from delivery.proofs import answers


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"predictions": [[0.25, 0.75], [1, 0]]}, [[0.25, 0.75], [1, 0]]),
        ({"predictions": [3, "low", None]}, [[3], ["low"], [None]]),
        ({"predictions": [{"x": 1, "y": "a"}]}, [[1, "a"]]),
        ({"outputs": [{"shape": [2, 2], "data": [1, 2, 3, 4]}]}, [[1, 2], [3, 4]]),
        ({"outputs": [{"shape": [3], "data": [1, 2, 3]}]}, [[1], [2], [3]]),
    ],
)
def test_every_protocol_has_one_answer_for_each_row(body: Any, rows: Any) -> None:
    assert answers.rows_of(body) == rows


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"predictions": {"x": [1]}},
        {"outputs": [{"shape": [2], "data": [1, 2]}, {"shape": [2], "data": [1, 2]}]},
        {"outputs": [{"shape": [2, 2], "data": [1, 2]}]},
        {"outputs": [{"shape": "2", "data": 1}]},
        {"outputs": [{}]},
    ],
)
def test_anything_else_is_no_answer(body: Any) -> None:
    with pytest.raises(ValueError, match=r"no answer|tensor"):
        answers.rows_of(body)


def test_a_difference_is_that_of_the_worst_value_and_relative_beyond_one() -> None:
    assert answers.difference([0.25, 0.75], [0.25, 0.5]) == 0.25
    assert answers.difference([1001.0], [1000.0]) == pytest.approx(0.001)
    assert answers.difference([], []) == 0


@pytest.mark.parametrize("answered", [[1.0], [1.0, None], [1.0, "2"], [1.0, True], [1.0, math.nan]])
def test_what_is_not_as_many_numbers_is_infinitely_far(answered: list[Any]) -> None:
    assert answers.difference(answered, [1.0, 2.0]) == math.inf
