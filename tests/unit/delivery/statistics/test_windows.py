"""Windows of live traffic, from counts to an alarm."""

from typing import Any

import pytest

from delivery.statistics.windows import (
    Window,
    added,
    effective_rows,
    grown,
    is_constant,
    is_outside_too_often,
    judged,
)

REFERENCES = {"a": (100, 100, 100, 100, 0), "class": (50, 50, 0, 0)}
EVEN = {"a": (25, 25, 25, 25, 0), "class": (50, 50, 0, 0)}
SHIFTED = {"a": (5, 10, 25, 60, 0), "class": (50, 50, 0, 0)}


def filled(counts: dict[str, Any], window: Window | None = None, times: int = 10) -> Window:
    found = window or Window()
    for _ in range(times):
        found = added(found, counts, 1000)
    return found


def test_rows_fill_one_subwindow_after_the_other() -> None:
    window = filled({"a": (20, 30)}, times=5)
    assert [each["a"] for each in window.subwindows] == [(40, 60), (40, 60), (20, 30)]
    assert window.totals == {"a": (100, 150)}
    assert window.rows == 250


def test_a_window_that_stays_open_keeps_a_bounded_number_of_subwindows_and_every_row() -> None:
    window = filled({"a": (100, 0)}, times=1000)
    assert len(window.subwindows) <= 64
    assert window.rows == 100_000
    assert window.part_rows == 1600


def test_a_window_is_judged_when_it_has_its_rows_and_not_before() -> None:
    assert judged(filled(EVEN, times=9), REFERENCES, 1000) is None
    found = judged(filled(EVEN), REFERENCES, 1000)
    assert found is not None
    assert (found.rows, found.phi, found.effective_rows) == (1000, 1.0, 1000.0)
    assert (found.alarms, found.following) == (frozenset(), Window())
    assert found.distances["a"].index == pytest.approx(0.0, abs=1e-6)


def test_two_windows_in_a_row_alarm_and_one_does_not() -> None:
    first = judged(filled(SHIFTED), REFERENCES, 1000)
    assert first is not None
    assert first.distances["a"].index > first.distances["a"].threshold == 0.2
    assert (first.alarms, first.following.suspects) == (frozenset(), frozenset({"a"}))
    second = judged(filled(SHIFTED, first.following), REFERENCES, 1000)
    assert second is not None
    assert second.alarms == frozenset({"a"})
    calm = judged(filled(EVEN, first.following), REFERENCES, 1000)
    assert calm is not None
    assert (calm.alarms, calm.following.suspects) == (frozenset(), frozenset())


def test_rows_that_resemble_each_other_keep_a_window_open_and_say_how_much_it_is_worth() -> None:
    window = Window()
    for at in range(10):
        counts = (100, 0) if at % 2 else (0, 100)
        window = added(window, {"a": counts}, 1000)
    references = {"a": (50, 50)}
    assert judged(window, references, 1000) is None
    # Ten subwindows of one value each: Pearson's statistic is 1000, with nine degrees of freedom.
    assert effective_rows(window, references) == pytest.approx(9.0)


def test_without_a_reference_nothing_is_judged() -> None:
    assert judged(filled(EVEN), {}, 1000) is None


def test_counters_of_one_process_are_subtracted_and_those_of_a_new_one_are_new() -> None:
    before = {"start": "s1", "variables": {"a": {"counts": [5, 7]}}}
    after = {"start": "s1", "variables": {"a": {"counts": [6, 9]}, "b": {"counts": [1]}}}
    assert grown(before, after) == {"a": (1, 2), "b": (1,)}
    assert grown(None, before) == {"a": (5, 7)}
    assert grown(before, {"start": "s2", "variables": {"a": {"counts": [2, 0]}}}) == {"a": (2, 0)}


@pytest.mark.parametrize(
    ("outside", "reference_rows", "expected"),
    [(0, 124, False), (50, 5000, False), (120, 5000, True), (120, 124, False), (300, 124, True)],
)
def test_rows_outside_of_the_range_count_from_a_share_that_the_size_of_the_reference_explains(
    outside: int, reference_rows: int, expected: bool
) -> None:
    assert is_outside_too_often(outside, 1000, reference_rows, 1.0, 13) is expected


def test_a_feature_that_never_changes_is_constant_unless_it_was_in_training() -> None:
    assert is_constant(0, 500, (10, 10))
    assert not is_constant(1, 500, (10, 10))
    assert not is_constant(0, 499, (10, 10))
    assert not is_constant(0, 500, (20, 0))
