"""Drift: exact values, and the promises about false alarms and power, on the functions that are shipped."""

from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from delivery.statistics import drift

_WINDOWS = 48


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 200])
@pytest.mark.parametrize("probability", [0.99, 0.999, 1 - 0.001 / 13, 1 - 0.001 / 30])
def test_chi_squared_quantiles_are_exact_where_thresholds_are(probability: float, degrees: int) -> None:
    exact = stats.chi2.ppf(probability, degrees)
    assert float(drift.chi2_quantile(probability, degrees)) == pytest.approx(exact, rel=1e-9)


def test_the_index_is_the_one_of_the_textbook_with_half_a_row_more_in_each_bin() -> None:
    index = drift.population_stability_index(np.array([10, 30]), np.array([60, 20]))
    p, q = (10.5 / 41, 30.5 / 41), (60.5 / 81, 20.5 / 81)
    assert float(index) == pytest.approx(
        sum((b - a) * log(b / a) for a, b in zip(p, q, strict=True)), rel=1e-12
    )


def test_bins_that_are_empty_on_both_sides_do_not_count() -> None:
    reference, live = np.array([10, 30, 5]), np.array([60, 20, 0])
    longer, filled = np.array([10, 30, 5, 0, 0]), np.array([60, 20, 0, 0, 0])
    index = drift.population_stability_index
    assert index(longer, filled) == pytest.approx(index(reference, live), rel=1e-12)
    assert drift.threshold(longer, filled, 1.0, 5) == drift.threshold(reference, live, 1.0, 5)


def test_equal_shares_are_no_distance() -> None:
    assert float(drift.population_stability_index(np.array([40, 60]), np.array([40, 60]))) == 0.0


def test_the_threshold_knows_both_sample_sizes_and_the_clustering() -> None:
    reference, live = np.array([31, 31, 31, 31]), np.array([250, 250, 250, 250])
    quantile = float(drift.chi2_quantile(1 - 0.001 / 13, 3))
    assert float(drift.threshold(reference, live, 4.0, 13, tau=0.0)) == pytest.approx(
        quantile * (4 / 1000 + 1 / 124)
    )
    assert float(drift.threshold(reference, live, 1.0, 13)) == 0.2


def test_independent_rows_are_worth_themselves_and_repeated_rows_their_number() -> None:
    parts = np.array([[[10, 20], [10, 20]]])
    own, pooled = drift.overdispersion(parts)
    assert (own.tolist(), float(pooled)) == ([1.0], 1.0)
    # Two bins, two subwindows: Pearson's statistic of the fourfold table, one degree of freedom.
    own, pooled = drift.overdispersion(np.array([[[30, 0], [0, 30]]]))
    assert (own.tolist(), float(pooled)) == ([60.0], 60.0)


def test_a_variable_counts_as_no_better_than_all_together() -> None:
    own, pooled = drift.overdispersion(np.array([[[30, 0], [0, 30]], [[15, 15], [15, 15]]]))
    assert (own.tolist(), float(pooled)) == ([60.0, 30.0], 30.0)


def test_empty_subwindows_and_bins_have_no_dispersion() -> None:
    own, pooled = drift.overdispersion(np.zeros((2, 3, 4)))
    assert (own.tolist(), float(pooled)) == ([1.0, 1.0], 1.0)


def test_a_window_is_complete_when_enough_of_its_rows_are_independent() -> None:
    found = drift.is_complete(np.array([999, 1000, 1000, 5000]), np.array([1.0, 2.0, 2.1, 10.0]), 1000)
    assert found.tolist() == [False, True, False, True]


def _reference(rng: Any, streams: int, rows: int, features: int, bins: int) -> tuple[Any, Any]:
    """Return counts of normal training rows, and the chance of each bin, by stream and feature."""
    values = np.sort(rng.standard_normal((streams, features, rows)), axis=-1)
    places = [-(-rows * each // bins) for each in range(1, bins)]
    edges = values[..., places]
    counts = np.diff([0, *places, rows])
    return np.broadcast_to(counts, (streams, features, bins)), edges


def _chances(edges: Any, shift: float = 0.0) -> Any:
    below = stats.norm.cdf(edges - shift)
    ends = np.zeros((*edges.shape[:-1], 1))
    return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)


def _twice(beyond: Any) -> Any:
    """Return which streams alarm: one variable beyond its threshold in two windows in a row."""
    return (beyond[:, 1:] & beyond[:, :-1]).any(axis=(1, 2))


@pytest.mark.parametrize(
    ("rows", "features", "bins", "streams"), [(124, 13, 4, 1000), (398, 30, 10, 500), (5000, 30, 10, 100)]
)
@pytest.mark.parametrize("window_rows", [500, 1000])
def test_undrifted_streams_raise_no_alarm(
    rows: int, features: int, bins: int, streams: int, window_rows: int
) -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(10):
        reference, edges = _reference(rng, streams // 10, rows, features, bins)
        chances = np.broadcast_to(_chances(edges)[:, None], (streams // 10, _WINDOWS, features, bins))
        live = rng.multinomial(window_rows, chances)
        index = drift.population_stability_index(reference[:, None], live)
        # Measured dispersion only raises the threshold: without it, more windows pass than are promised.
        beyond = index > drift.threshold(reference[:, None], live, 1.0, features)
        alarms += int(_twice(beyond).sum())
    # Three standard errors above the promise of 0.5 %.
    assert alarms <= 0.005 * streams + 3 * sqrt(0.005 * streams)


def test_the_textbook_rule_would_alarm_in_half_of_all_undrifted_streams() -> None:
    rng = np.random.default_rng(1)
    reference, edges = _reference(rng, 100, 124, 13, 4)
    live = rng.multinomial(1000, np.broadcast_to(_chances(edges)[:, None], (100, _WINDOWS, 13, 4)))
    assert (drift.population_stability_index(reference[:, None], live) > 0.1).any(axis=(1, 2)).sum() >= 40


def _clustered(rng: Any, alike: int, chances: Any, parts: int, part_rows: int) -> Any:
    """Return counts by stream, window, variable, subwindow and bin; rows come several alike in a row."""
    shape = (*chances.shape[:-1], parts, chances.shape[-1])
    return rng.multinomial(part_rows // alike, np.broadcast_to(chances[..., None, :], shape)) * alike


def _judged(reference: Any, live: Any) -> tuple[Any, Any]:
    """Return which variables are beyond their thresholds, and which windows are complete."""
    phi, pooled = drift.overdispersion(live)
    totals = live.sum(axis=-2)
    complete = drift.is_complete(totals[..., 0, :].sum(axis=-1), pooled, 1000)
    index = drift.population_stability_index(reference[:, None], totals)
    beyond = index > drift.threshold(reference[:, None], totals, phi, totals.shape[-2])
    return beyond & complete[..., None], complete


def test_ten_rows_alike_in_a_row_raise_no_alarm_in_windows_that_are_worth_500_rows() -> None:
    rng = np.random.default_rng(2)
    alarms, streams = 0, 400
    for _ in range(20):
        reference, edges = _reference(rng, streams // 20, 124, 13, 4)
        chances = np.broadcast_to(_chances(edges)[:, None], (streams // 20, _WINDOWS, 13, 4))
        beyond, complete = _judged(reference, _clustered(rng, 10, chances, parts=60, part_rows=100))
        assert complete.mean() > 0.95
        alarms += int(_twice(beyond).sum())
    # Three standard errors above the promise of 1 %.
    assert alarms <= 4 + 3 * 2.0


def test_windows_of_a_thousand_clustered_rows_are_never_judged() -> None:
    rng = np.random.default_rng(3)
    reference, edges = _reference(rng, 20, 124, 13, 4)
    chances = np.broadcast_to(_chances(edges)[:, None], (20, _WINDOWS, 13, 4))
    for alike in (10, 30):
        _, complete = _judged(
            reference, _clustered(rng, alike, chances, parts=12, part_rows=100 - 100 % alike)
        )
        assert not complete.any()


@pytest.mark.parametrize(("shift", "share"), [(1.0, 0.99), (0.75, 0.9)])
@pytest.mark.parametrize("alike", [1, 10])
def test_a_shift_of_one_feature_of_thirty_is_found(shift: float, share: float, alike: int) -> None:
    rng = np.random.default_rng(4)
    reference, edges = _reference(rng, 400, 398, 30, 10)
    shifts = np.zeros((30, 1))
    shifts[7] = shift
    chances = np.broadcast_to(_chances(edges, shifts)[:, None], (400, 2, 30, 10))  # pyright: ignore
    beyond, _ = _judged(
        reference, _clustered(rng, alike, chances, parts=10 * (alike if alike == 1 else 6), part_rows=100)
    )
    assert _twice(beyond).mean() >= share


def test_a_quarter_of_a_standard_deviation_is_harmless() -> None:
    rng = np.random.default_rng(5)
    reference, edges = _reference(rng, 200, 398, 30, 10)
    chances = np.broadcast_to(_chances(edges, 0.25)[:, None], (200, 2, 30, 10))
    beyond, _ = _judged(reference, _clustered(rng, 1, chances, parts=10, part_rows=100))
    assert _twice(beyond).mean() <= 0.02
