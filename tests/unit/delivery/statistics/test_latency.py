"""Evidence that the canary is the slower one."""

import math
from itertools import product

import pytest

from delivery.statistics import latency
from delivery.statistics.latency import TickCounts


def _cumulative(answers: list[int], buckets: int = 4) -> list[int]:
    """Return the histogram of answers, each named by its bucket."""
    return [sum(answer <= bucket for answer in answers) for bucket in range(buckets)]


def test_slower_is_the_share_of_pairs_in_which_the_canary_is_slower() -> None:
    canary, stable = [0, 1, 1, 3], [0, 0, 1, 2, 2]
    pairs = [(c > s) + (c == s) / 2 for c, s in product(canary, stable)]
    assert latency.slower_probability(_cumulative(canary), _cumulative(stable)) == sum(pairs) / 20 == 0.55


def test_versions_as_fast_as_each_other_are_slower_half_of_the_time() -> None:
    assert latency.slower_probability([3, 7, 9], [3, 7, 9]) == 0.5
    assert latency.slower_probability([30, 70, 90], [3, 7, 9]) == 0.5
    # All in one bucket: nothing is seen.
    assert latency.slower_probability([0, 9, 9], [0, 5, 5]) == 0.5


def test_always_slower_is_one_and_always_faster_none() -> None:
    assert latency.slower_probability([0, 0, 9], [0, 5, 5]) == 1
    assert latency.slower_probability([0, 5, 5], [0, 0, 9]) == 0


@pytest.mark.parametrize(
    ("canary", "slower"),
    # Of 10 against 10 in two buckets, each answer more in the slow one is .05 more.
    [([5, 10], 0), ([4, 10], 0), ([3, 10], 1), ([10, 10], 0)],
)
def test_a_tick_counts_as_slower_above_the_margin_only(canary: list[int], slower: int) -> None:
    before = TickCounts(ticks=7, slower=2)
    assert latency.add_tick(before, canary, [5, 10]) == TickCounts(ticks=8, slower=2 + slower)


def test_a_tick_with_few_answers_says_nothing() -> None:
    before = TickCounts(ticks=7, slower=2)
    assert latency.add_tick(before, [0, 4], [9, 9]) == before
    assert latency.add_tick(before, [9, 9], [0, 4]) == before
    assert latency.add_tick(before, [0, 5], [5, 5]) == TickCounts(ticks=8, slower=3)
    assert latency.add_tick(before, [0, 0], [0, 0]) == before


def test_the_evidence_of_ticks_is_that_of_a_coin() -> None:
    by_hand = (1.2**3 * 0.8 + 1.5**3 * 0.5 + 1.8**3 * 0.2 + 1.98**3 * 0.02) / 4
    evidence = latency.log10_evidence(TickCounts(ticks=4, slower=3))
    assert evidence == pytest.approx(math.log10(by_hand), rel=1e-12)
    assert latency.log10_evidence(TickCounts()) == 0


def test_ten_slower_ticks_in_a_row_are_the_fewest_for_a_rollback() -> None:
    verdicts = [latency.is_slower(TickCounts(ticks=ticks, slower=ticks)) for ticks in range(12)]
    assert verdicts == [False] * 10 + [True] * 2
    assert pytest.approx(math.log10(200)) == latency.THRESHOLD


@pytest.mark.parametrize(
    ("canary", "stable", "whose"),
    [
        ([], [], "the canary"),
        ([3, 2], [1, 2], "the canary"),
        ([-1, 2], [1, 2], "the canary"),
        ([1, 2], [3, 2], "the stable version"),
        ([1, 2], [1, 2, 3], "the canary"),
    ],
)
def test_a_histogram_that_is_none_is_refused(canary: list[int], stable: list[int], whose: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^histogram of {whose}: \[.*\] is not cumulative over the same buckets"
    ):
        latency.add_tick(TickCounts(), canary, stable)


def test_more_slower_ticks_than_ticks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^slower ticks: 2 of 1; give counts"):
        TickCounts(ticks=1, slower=2)
