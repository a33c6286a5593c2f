"""Evidence that answers are wrong more often than they may be."""

import math
from typing import Any

import numpy as np
import pytest

from delivery.statistics import labels
from delivery.statistics.labels import PairedCounts, QualityCounts


def test_the_evidence_of_pairs_is_known_by_hand() -> None:
    by_hand = (1.2**3 * 0.8 + 1.5**3 * 0.5 + 1.8**3 * 0.2) / 3
    evidence = labels.log10_evidence_of_pairs(PairedCounts(only_stable_right=3, only_canary_right=1))
    assert evidence == pytest.approx(math.log10(by_hand), rel=1e-12)
    assert labels.log10_evidence_of_pairs(PairedCounts()) == 0


def test_eleven_rows_that_the_canary_alone_got_wrong_are_the_fewest_for_a_rollback() -> None:
    verdicts = [labels.is_worse(PairedCounts(only_stable_right=rows)) for rows in range(13)]
    assert verdicts == [False] * 11 + [True] * 2
    assert pytest.approx(math.log10(200)) == labels.THRESHOLD


def test_a_better_canary_is_no_evidence() -> None:
    assert labels.log10_evidence_of_pairs(PairedCounts(only_stable_right=5, only_canary_right=40)) < -3


def test_the_evidence_of_quality_is_known_by_hand() -> None:
    ratios = [0.08 + part * 0.92 for part in (0.033, 0.065, 0.13, 0.24, 0.56)]
    by_hand = sum((ratio / 0.08) ** 2 * ((1 - ratio) / 0.92) ** 8 for ratio in ratios) / 5
    evidence = labels.log10_evidence_of_quality(QualityCounts(labels=10, wrong=2), 0.95, 0.03)
    assert evidence == pytest.approx(math.log10(by_hand), rel=1e-11)
    assert labels.log10_evidence_of_quality(QualityCounts(), 0.95, 0.03) == 0


def test_requests_count_by_the_share_of_their_rows_that_are_wrong() -> None:
    parts = labels.log10_evidence_of_quality(QualityCounts(labels=10, wrong=1.5), 0.95, 0.03)
    whole = [
        labels.log10_evidence_of_quality(QualityCounts(labels=10, wrong=each), 0.95, 0.03) for each in (1, 2)
    ]
    assert whole[0] < parts < whole[1]


@pytest.mark.parametrize(
    ("reference", "rows", "least"), [(1.0, 54, 0.952), (1.0, 10_000, 0.9997), (0.95, 400, 0.929)]
)
def test_few_rows_that_were_held_back_promise_less(reference: float, rows: float, least: float) -> None:
    assert labels.surely(reference, rows) == pytest.approx(least, abs=0.001)


def test_a_reference_of_rows_that_nobody_has_counted_is_taken_as_it_is() -> None:
    assert labels.surely(0.95, 0) == 0.95


def test_quality_within_the_tolerance_raises_no_alarm() -> None:
    assert not labels.is_below_reference(QualityCounts(labels=1000, wrong=80), 0.95, 0.03)
    assert labels.log10_evidence_of_quality(QualityCounts(labels=1000, wrong=80), 0.95, 0.03) < 0
    assert labels.is_below_reference(QualityCounts(labels=1000, wrong=120), 0.95, 0.03)
    assert pytest.approx(2) == labels.ALARM_THRESHOLD


def test_arrays_of_counts_give_an_array_of_evidence() -> None:
    wrong: Any = np.array([0, 3, 9])
    pairs: Any = labels.log10_evidence_of_pairs(PairedCounts(only_stable_right=wrong, only_canary_right=2))
    alone = [
        labels.log10_evidence_of_pairs(PairedCounts(only_stable_right=each, only_canary_right=2))
        for each in (0, 3, 9)
    ]
    assert pairs.tolist() == pytest.approx(alone, rel=1e-12)
    verdicts: Any = labels.is_below_reference(QualityCounts(labels=9, wrong=wrong), 0.95, 0.03)
    assert verdicts.tolist() == [False, False, True]


@pytest.mark.parametrize(("reference", "tolerance"), [(0.95, 0.0), (0.0, 0.03), (95.0, 0.03), (0.02, 0.03)])
def test_a_reference_is_an_accuracy(reference: float, tolerance: float) -> None:
    with pytest.raises(
        ValueError, match=f"^quality: reference {reference} with tolerance {tolerance} leaves no"
    ):
        labels.log10_evidence_of_quality(QualityCounts(), reference, tolerance)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^rows that one version got right: -1 of 3; give counts"):
        PairedCounts(only_stable_right=-1, only_canary_right=4)
    with pytest.raises(ValueError, match=r"^rows that one version got right: 4 of 3; give counts"):
        PairedCounts(only_stable_right=4, only_canary_right=-1)
    with pytest.raises(ValueError, match=r"^wrong answers: 2 of 1; give counts"):
        QualityCounts(labels=1, wrong=2)
