"""Scales and round numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import scale
from harness.evidence.scale import Scale

VALUES = st.floats(min_value=1e-3, max_value=1e7)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1310 / 60, [0, 5, 10, 15, 20]),
        (-19, 0, [-15, -10, -5, 0]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert scale.ticks(low, high, 5) == expected


@given(VALUES, VALUES)
def test_ticks_are_within_their_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = scale.ticks(low, high)
    assert len(found) <= 12
    assert all(low - 1e-6 * high <= tick <= high + 1e-6 * high for tick in found)


@given(st.lists(VALUES, min_size=1))
def test_bounds_hold_every_value(values: list[float]) -> None:
    low, high = scale.bounds(values)
    assert low <= min(values)
    assert high >= max(values) * (1 - 1e-9)
    low, high = scale.log_bounds(values)
    assert low <= min(values) * 1.001
    assert high >= max(values) * 0.998
    assert low < high


@given(VALUES)
def test_a_value_outside_is_placed_at_the_edge(value: float) -> None:
    axis = Scale(low=1, high=100, start=200, end=0, logarithmic=True)
    assert 0 <= axis.place(value) <= 200
    assert axis.place(10) == 100


def test_logarithmic_ticks_are_few() -> None:
    assert scale.decades(1, 50) == [1, 2, 5, 10, 20, 50]
    assert scale.decades(1, 20_000) == [1, 10, 100, 1000, 10_000]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (0.0312, "0.0312"),
        (3.5, "3.5"),
        (42.04, "42"),
        (1204.4, "1,204"),
        (2e5, "200k"),
    ],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert scale.number(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.4 s"),
        (3, "3 s"),
        (59.6, "1 min"),
        (185, "3 min 05 s"),
        (1500, "25 min"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations_are_formatted_for_people(seconds: float, words: str) -> None:
    assert scale.duration(seconds) == words
