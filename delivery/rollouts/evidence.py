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
        "failsMore": float(
            errors.log10_evidence([_as_step(each, _share(rollout, each)) for each in status.counts])
        ),
        "failsMoreThreshold": errors.THRESHOLD,
        "goodEnough": float(good),
        "goodEnoughThreshold": readiness.THRESHOLD,
        "slower": float(latency.log10_evidence(status.ticks)),
        "slowerThreshold": latency.THRESHOLD,
    }


def _share(rollout: Rollout, counts: Counts) -> float:
    """Return the share of the requests that the new version has at a step.

    Where units are assigned, it is what they have made of it: one of them may send half of all requests.
    """
    if rollout.experiment is not None and counts.canary and counts.stable:
        return counts.canary / (counts.canary + counts.stable)
    return counts.weight / _PERCENT


def _as_step(counts: Counts, share: float) -> errors.StepCounts:
    return errors.StepCounts(
        canary_share=share,
        canary_requests=counts.canary,
        canary_failures=counts.canary_failed,
        stable_requests=counts.stable,
        stable_failures=counts.stable_failed,
    )
