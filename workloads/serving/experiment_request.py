"""The block `experiment` of a ModelRollout: two versions on live traffic, compared by callers' labels.

The rollout goes up to a share and stays there until the labels say which version is better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import pi, sqrt
from typing import Any, Final, Self

from workloads.serving.experiment_sizes import deviation_of_ratio, units_needed

UNIT_HEADER: Final = "x-experiment-unit"
"""Header of a request with the unit that it belongs to, as a hex digest: a caller, a session, a device."""
MOST_ROWS: Final = 100_000
"""Labelled rows of both versions that an experiment takes at most; then it ends without a verdict."""
_WORST_RATIO: Final = 0.5


class Metric(StrEnum):
    """What is compared, row by row, and then averaged."""

    ACCURACY = "accuracy"
    """1 where the class with the largest probability is the label, else 0; more is better."""
    SQUARED_ERROR = "squaredError"
    """Squared difference of quantity and label; less is better."""
    ABSOLUTE_ERROR = "absoluteError"
    """Difference of quantity and label, without its sign; less is better."""

    @property
    def larger_is_better(self) -> bool:
        """Whether the version with the larger mean is the better one."""
        return self is Metric.ACCURACY


class OnNoDifference(StrEnum):
    """Which version serves after an experiment that has not found a better one."""

    KEEP = "keep"
    """The one that has served."""
    PROMOTE = "promote"
    """The new one."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is asked of an experiment."""

    metric: Metric
    minimum_effect: float
    """Smallest difference of the means that matters to anybody, in the metric's own unit."""
    share: int = 50
    """Percent of the requests that the new version gets meanwhile."""
    max_seconds: int = 6 * 86_400
    """Time after which it ends without a verdict."""
    on_no_difference: OnNoDifference = OnNoDifference.KEEP

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read the block of a spec."""
        return cls(
            metric=Metric(document["metric"]),
            minimum_effect=float(document["minimumEffect"]),
            share=int(document.get("share", cls.share)),
            max_seconds=int(document.get("maxSeconds", cls.max_seconds)),
            on_no_difference=OnNoDifference(document.get("onNoDifference", cls.on_no_difference)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the block."""
        return {
            "metric": self.metric.value,
            "minimumEffect": self.minimum_effect,
            "share": self.share,
            "maxSeconds": self.max_seconds,
            "onNoDifference": self.on_no_difference.value,
        }

    def problem(self) -> str:
        """Return in one line what makes no sense about it; empty if nothing does."""
        effect = self.minimum_effect
        if effect <= 0:
            return f"experiment.minimumEffect: {effect:g} is not positive; give the difference that matters"
        if self.metric is Metric.ACCURACY and effect >= 1:
            return (
                f"experiment.minimumEffect: {effect:g} is no difference of accuracies, from 0 to 1; "
                "give 0.02 for two points in a hundred"
            )
        if not 1 <= self.share <= 99:
            return f"experiment.share: {self.share} is no share; give the percent of the new version, 1 to 99"
        if self.max_seconds < 60:
            return f"experiment.maxSeconds: {self.max_seconds} is too short for labels; give 60 or more"
        return ""

    def units(self, figures: Mapping[str, float]) -> int:
        """Return after how many labelled units of each version most experiments have a verdict.

        Args:
            figures: The evaluation of the version that serves: its accuracy or its rmse, if known. Without
                them it is the most that an accuracy can need.

        Raises:
            ValueError: nobody can say, such as of errors without a known rmse; one line.
        """
        return units_needed(self._deviation(figures), self.minimum_effect)

    def _deviation(self, figures: Mapping[str, float]) -> float:
        if self.metric is Metric.ACCURACY:
            # One that was always right is not known to be right always.
            ratio = min(0.99, max(_WORST_RATIO, figures.get("accuracy", _WORST_RATIO)))
            return deviation_of_ratio(ratio)
        if figures.get("rmse", 0) <= 0:
            raise ValueError("the evaluation of the version that serves has no rmse")
        # Of errors with a normal distribution.
        rmse = figures["rmse"]
        return sqrt(2) * rmse**2 if self.metric is Metric.SQUARED_ERROR else rmse * sqrt(1 - 2 / pi)


def needed(
    experiment: Experiment, figures: Mapping[str, float], version: str, sample_rate: float = 1.0
) -> str:
    """Return in one line how many labelled units an experiment takes.

    Args:
        experiment: What is asked.
        figures: The evaluation of the version that serves; empty if it is not known.
        version: The version that serves.
        sample_rate: Share of the requests that are recorded, if known.
    """
    try:
        units = experiment.units(figures)
    except ValueError as error:
        return f"how many labelled rows it needs is not known: {error}"
    name = "accuracy" if experiment.metric is Metric.ACCURACY else "rmse"
    basis = (
        f"at the {name} of version {version}'s evaluation, {figures[name]:.4g}"
        if name in figures
        else "at most, as the accuracy of the version that serves is not known"
    )
    too_many = (
        f"; that is more than the {MOST_ROWS} of both that it takes: only a larger difference can be found"
        if 2 * units > MOST_ROWS
        else ""
    )
    slower = (
        f"; sampleRate {sample_rate:g} of plinth:payloads records one request in {1 / sample_rate:.4g}"
        if sample_rate < 1
        else ""
    )
    return (
        f"about {units} labelled rows of each version for a difference of {experiment.minimum_effect:g}, "
        f"{basis}{too_many}{slower}"
    )
