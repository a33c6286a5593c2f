"""The evidence of a rollout, from the counts of its status alone."""

from collections.abc import Mapping
from typing import Final

from delivery.rollouts.records import Counts, Rollout, Status
from delivery.statistics import agreement, errors, latency, readiness

_PERCENT: Final = 100


def weigh(rollout: Rollout, status: Status) -> Mapping[str, float]:
    """Return each verdict's value, from the counts of a status alone: anybody can compute it again."""
    total = status.totals
    good = readiness.log10_evidence(total.canary, total.canary_failed, rollout.max_error_ratio)
    return {
        "disagrees": float(agreement.log10_evidence(status.shadow, rollout.minimum_agreement)),
        "disagreesThreshold": agreement.THRESHOLD,
        "failsMore": float(errors.log10_evidence([_as_step(each) for each in status.counts])),
        "failsMoreThreshold": errors.THRESHOLD,
        "goodEnough": float(good),
        "goodEnoughThreshold": readiness.THRESHOLD,
        "slower": float(latency.log10_evidence(status.ticks)),
        "slowerThreshold": latency.THRESHOLD,
    }


def _as_step(counts: Counts) -> errors.StepCounts:
    return errors.StepCounts(
        canary_share=counts.weight / _PERCENT,
        canary_requests=counts.canary,
        canary_failures=counts.canary_failed,
        stable_requests=counts.stable,
        stable_failures=counts.stable_failed,
    )
