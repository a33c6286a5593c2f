"""Errors: does the new version fail more often than the stable one, while both get requests?

The gateway decides which version gets a request, by a weight that we know, and not by the request. If both
versions fail equally often, a failed request is therefore one of the canary's with exactly the probability of
its weight, whatever makes requests fail: a burst, a slow store or bad input counts the same for both and is
no evidence. (It is a randomisation test, written as an e-value. A gateway that takes turns by weight splits
more evenly than one that draws lots, which makes false evidence rarer.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from delivery.statistics import evidence

FALSE_ROLLBACKS = 0.005
"""Share of rollouts of a version as good as the stable one that these verdicts roll back, at most."""
THRESHOLD = evidence.threshold_for(FALSE_ROLLBACKS)
"""Evidence, as log10, at which the canary is rolled back."""

_STABLE_RATIOS = (0.0005, 0.002, 0.01, 0.05, 0.2)
_EXCESSES = (0.01, 0.03, 0.1, 0.3)
_ALWAYS = 0.95
_ALTERNATIVES = tuple(
    (stable, canary)
    for stable in _STABLE_RATIOS
    for canary in (*(stable + excess for excess in _EXCESSES), _ALWAYS)
)


@dataclass(frozen=True, kw_only=True)
class StepCounts:
    """Requests that both versions answered in one step of a rollout."""

    canary_share: float
    """Share of the requests that the route sends to the canary during this step, between 0 and 1."""
    canary_requests: int
    canary_failures: int
    stable_requests: int
    stable_failures: int

    def __post_init__(self) -> None:
        if not 0 <= self.canary_share <= 1:
            raise ValueError(
                f"canary share: {self.canary_share} is no share; divide the weight by the sum of all"
            )
        evidence.check_counts("failures of the canary", self.canary_requests, self.canary_failures)
        evidence.check_counts("failures of the stable version", self.stable_requests, self.stable_failures)


def log10_evidence(steps: Sequence[StepCounts]) -> float:
    """Return the evidence, as log10, that the canary fails more often than the stable version.

    0 means none. A canary that fails less often only lowers it, and one without a failure has none. A step in
    which one version gets all requests compares nothing and does not count.
    """
    compared = [(_outcomes(step), _worth(step.canary_share)) for step in steps if 0 < step.canary_share < 1]
    if not compared:
        return 0.0
    # The same alternative for all steps, and only then the average.
    found = evidence.average(
        [
            sum(
                count * worth
                for counts, alternatives in compared
                for count, worth in zip(counts, alternatives[number], strict=True)
            )
            for number in range(len(_ALTERNATIVES))
        ]
    )
    # A gateway may send the canary less than its share by chance: no evidence, if nothing failed.
    failures = sum(step.canary_failures for step in steps)
    return found - (failures == 0) * (found > 0) * found


def fails_more(steps: Sequence[StepCounts]) -> bool:
    """Return whether the evidence suffices to roll the canary back."""
    return log10_evidence(steps) >= THRESHOLD


def _outcomes(step: StepCounts) -> tuple[float, float, float, float]:
    """Return failures and successes of the canary, and of the stable version."""
    return (
        step.canary_failures,
        step.canary_requests - step.canary_failures,
        step.stable_failures,
        step.stable_requests - step.stable_failures,
    )


@lru_cache(maxsize=64)
def _worth(canary_share: float) -> tuple[tuple[float, float, float, float], ...]:
    """Return for each alternative what one request of each outcome is worth, as log10, at this share."""
    found: list[tuple[float, float, float, float]] = []
    for stable, canary in _ALTERNATIVES:
        both = canary_share * canary + (1 - canary_share) * stable
        found.append(
            (
                math.log10(canary / both),
                math.log10((1 - canary) / (1 - both)),
                math.log10(stable / both),
                math.log10((1 - stable) / (1 - both)),
            )
        )
    return tuple(found)
