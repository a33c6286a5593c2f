"""Evidence that two versions answer too many rows differently."""

import math
from typing import Any

import numpy as np
import pytest

from delivery.statistics import agreement
from delivery.statistics.agreement import AgreementCounts


def test_the_evidence_of_counts_is_known_by_hand() -> None:
    ratios = [0.1 + part * 0.9 for part in (0.05, 0.11, 0.22, 0.55, 0.98)]
    by_hand = sum((ratio / 0.1) ** 3 * ((1 - ratio) / 0.9) ** 7 for ratio in ratios) / 5
    evidence = agreement.log10_evidence(AgreementCounts(rows=10, different=3), 0.9)
    assert evidence == pytest.approx(math.log10(by_hand), rel=1e-12)
    assert agreement.log10_evidence(AgreementCounts(), 0.9) == 0


def test_a_version_that_differs_in_every_row_is_refused_after_four() -> None:
    verdicts = [agreement.disagrees(AgreementCounts(rows=rows, different=rows), 0.9) for rows in range(6)]
    assert verdicts == [False, False, False, True, True, True]
    assert pytest.approx(math.log10(200)) == agreement.THRESHOLD


@pytest.mark.parametrize("minimum", [0.5, 0.9, 0.99])
def test_a_version_that_agrees_just_enough_is_no_evidence(minimum: float) -> None:
    at_bound = AgreementCounts(rows=1000, different=round(1000 * (1 - minimum)))
    assert agreement.log10_evidence(at_bound, minimum) < 0
    assert agreement.log10_evidence(AgreementCounts(rows=1000), minimum) < agreement.log10_evidence(
        at_bound, minimum
    )


def test_arrays_of_counts_give_an_array_of_verdicts() -> None:
    rows: Any = np.array([3, 4, 500])
    verdicts: Any = agreement.disagrees(AgreementCounts(rows=rows, different=2), 0.9)
    alone = [agreement.disagrees(AgreementCounts(rows=each, different=2), 0.9) for each in (3, 4, 500)]
    assert verdicts.tolist() == alone


def test_counts_and_bounds_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^rows answered differently: 2 of 1; give counts"):
        AgreementCounts(rows=1, different=2)
    for minimum in (0.0, 1.0, 90.0):
        with pytest.raises(ValueError, match=f"^minimumAgreement: {minimum} is no share between 0 and 1"):
            agreement.log10_evidence(AgreementCounts(), minimum)
