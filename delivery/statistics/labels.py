"""Labels: is the new version wrong more often than the stable one, or than it was when it was trained?

Two questions, two counts. Where both versions answered the same rows, only those count that exactly one of
them got right: if both are equally good, each of the two is that one with probability one half (McNemar's
test, as an e-value that may be looked at after each label). Where a version serves alone, its share of wrong
answers is held against that of its reference, with a tolerance.
"""

import math
from dataclasses import dataclass

from delivery.statistics import evidence

FALSE_ROLLBACKS = 0.005
"""Share of rollouts of a version as good as the stable one that the comparison rolls back, at most."""
THRESHOLD = evidence.threshold_for(FALSE_ROLLBACKS)
"""Evidence, as log10, at which the comparison of two versions is a verdict."""

FALSE_ALARMS = 0.01
"""Share of versions within their tolerance that ever raise an alarm while they serve, at most."""
ALARM_THRESHOLD = evidence.threshold_for(FALSE_ALARMS)
"""Evidence, as log10, at which the quality of a version that serves is reported as too low."""
# About one reference in twenty is luckier; to raise a false alarm it must be so by the tolerance, too.
_NORMAL_QUANTILE = 1.645

_FAIR = 0.5
_WORSE = (0.6, 0.75, 0.9)
# Between the tolerated share of wrong answers and always: the way from one to the other in these parts.
_PARTS = (0.033, 0.065, 0.13, 0.24, 0.56)


@dataclass(frozen=True, kw_only=True)
class PairedCounts:
    """Labelled rows that exactly one of the two versions got right."""

    only_stable_right: int = 0
    only_canary_right: int = 0

    def __post_init__(self) -> None:
        both = self.only_stable_right + self.only_canary_right
        evidence.check_counts("rows that one version got right", both, self.only_stable_right)


@dataclass(frozen=True, kw_only=True)
class QualityCounts:
    """Labelled rows that a version answered for callers, or requests with such rows."""

    labels: int = 0
    wrong: float = 0
    """Rows whose label is another than the answer was; of requests, the share of each, added up."""

    def __post_init__(self) -> None:
        evidence.check_counts("wrong answers", self.labels, self.wrong)


def log10_evidence_of_pairs(counts: PairedCounts) -> float:
    """Return the evidence, as log10, that the canary is wrong more often than the stable version."""
    both = counts.only_stable_right + counts.only_canary_right
    return evidence.for_ratio(both, counts.only_stable_right, _FAIR, _WORSE)


def is_worse(counts: PairedCounts) -> bool:
    """Return whether the evidence suffices to roll the canary back."""
    return log10_evidence_of_pairs(counts) >= THRESHOLD


def surely(reference: float, rows: float) -> float:
    """Return the accuracy that a version has at least, by how often it was right about held-back rows.

    The lower end of Wilson's interval, with one side: few rows that were all predicted by luck promise less.

    Args:
        reference: Share of the held-back rows that it got right.
        rows: How many they were; 0 if nobody knows, and the share is taken as it is.
    """
    if rows <= 0:
        return reference
    square = _NORMAL_QUANTILE**2
    spread = math.sqrt(reference * (1 - reference) / rows + square / (4 * rows**2))
    return (reference + square / (2 * rows) - _NORMAL_QUANTILE * spread) / (1 + square / rows)


def log10_evidence_of_quality(counts: QualityCounts, reference: float, tolerance: float) -> float:
    """Return the evidence, as log10, that the accuracy is below its reference by more than the tolerance.

    Args:
        counts: Labelled rows since the version began to serve.
        reference: Share of held-back rows that it got right when it was trained.
        tolerance: How much lower the accuracy may be, such as 0.03.
    """
    tolerated = 1 - reference + tolerance
    if tolerance <= 0 or not 0 < reference <= 1 or tolerated >= 1:
        raise ValueError(
            f"quality: reference {reference} with tolerance {tolerance} leaves no accuracy between 0 and 1; "
            "give shares such as 0.95 and 0.03"
        )
    alternatives = [tolerated + part * (1 - tolerated) for part in _PARTS]
    return evidence.for_ratio(counts.labels, counts.wrong, tolerated, alternatives)


def is_below_reference(counts: QualityCounts, reference: float, tolerance: float) -> bool:
    """Return whether the evidence suffices to raise an alarm."""
    return log10_evidence_of_quality(counts, reference, tolerance) >= ALARM_THRESHOLD
