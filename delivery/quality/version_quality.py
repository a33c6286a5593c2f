"""How often labels contradict a version, held against its held-back rows. Pure: no clock, no network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from delivery.experiments.records import Answered
from delivery.statistics import labels
from delivery.statistics.labels import QualityCounts

_ACCURACY: Final = "accuracy"
# MLflow's evaluator logs it, with the prefix of `workloads.steps.scores`.
_ROWS: Final = "held_back_example_count"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the evaluation of a version has found on held-back rows."""

    accuracy: float
    """Share of the rows that it got right."""
    rows: float = 0
    """How many they were; 0 if it does not say so."""

    def lowest(self, tolerance: float) -> float:
        """Return the accuracy below which a version has become worse by more than a tolerance."""
        return labels.surely(self.accuracy, self.rows) - tolerance


@dataclass(frozen=True, kw_only=True)
class VersionQuality:
    """One version that serves and predicts classes."""

    answered: Answered = field(default_factory=Answered)
    reference: Reference | None = None
    """None if no evaluation has its accuracy, and so there is no verdict."""
    tolerance: float
    """How much lower the accuracy may be, such as 0.03."""

    @property
    def accuracy(self) -> float | None:
        """Mean over requests of the share of right rows; None without labels."""
        if not self.answered.requests:
            return None
        return 1 - self.answered.wrong / self.answered.requests

    @property
    def evidence(self) -> float | None:
        """Evidence that the accuracy is too low, as a share of what raises the alarm; None without any."""
        if self.reference is None or not self.answered.requests:
            return None
        counts = QualityCounts(labels=self.answered.requests, wrong=self.answered.wrong)
        least = labels.surely(self.reference.accuracy, self.reference.rows)
        found = labels.log10_evidence_of_quality(counts, least, self.tolerance)
        return max(0.0, found / labels.ALARM_THRESHOLD)

    @property
    def is_alarm(self) -> bool | None:
        """Whether the accuracy is lower than is tolerated; None if nothing can be said."""
        evidence = self.evidence
        return None if evidence is None else evidence >= 1


def reference_of(metrics: Mapping[str, float], tolerance: float) -> Reference | None:
    """Return the reference in the metrics of an evaluation; None if nothing can be held against it.

    Args:
        metrics: Those on held-back rows, by name.
        tolerance: How much lower the accuracy may be.
    """
    accuracy = metrics.get(_ACCURACY)
    if accuracy is None or not 0 < accuracy <= 1:
        return None
    found = Reference(accuracy=accuracy, rows=max(0.0, metrics.get(_ROWS, 0.0)))
    # A version that is hardly ever right cannot become worse by so much.
    return found if found.lowest(tolerance) > 0 else None
