"""What the next state of a rollout is. Pure: no clock, no network; the same inputs give the same decision."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from delivery.rollouts.records import Counts, Rollout, Status
from delivery.statistics import errors, latency, readiness
from workloads.serving.model_rollout import Phase

_ALL = 100
_HALF = 50
_SUSPICION = math.log10(3)
"""Evidence with which a version gets no larger share, although it is no verdict yet."""


class Readiness(StrEnum):
    """Whether a version can answer requests."""

    MISSING = "missing"
    """It has no InferenceService."""
    STARTING = "starting"
    READY = "ready"
    OTHER_FILES = "other files"
    """It answers with another digest."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen at one tick."""

    seconds: float
    """Since the last tick."""
    canary: Readiness
    """Of the version that is rolled out."""
    canary_says: str = ""
    """KServe's reason, or the digest that answers."""
    serving: str = ""
    """Version that gets the requests while no rollout of the model is under way; empty if none does."""
    stable_ready: bool = True
    """Whether the former version can still answer."""
    seen: Counts | None = None
    """Answers since the last tick at the present share; None if the gateway could not be read."""
    histograms: tuple[Sequence[float], Sequence[float]] | None = None
    """Answers within each bound of latency since the last tick, of the new version and of the former one."""
    champion: str | None = None
    """Version with the alias champion; None if the registry does not answer, empty if it has none."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to write."""

    status: Status
    weights: Mapping[str, int]
    """Version -> share of the requests, in percent; empty if the model has no version that serves."""
    champion: str | None = None
    """Version to alias champion, if another one is."""


def decide(rollout: Rollout, seen: Observation) -> Decision:
    """Return what follows from what was seen.

    Args:
        rollout: One that has not ended, and is the oldest such of its model.
        seen: What was seen at this tick.
    """
    status = replace(rollout.status, elapsed_seconds=rollout.status.elapsed_seconds + seen.seconds)
    if status.phase is Phase.BAKING:
        return _bake(rollout, status, seen)
    begins = status.phase in (Phase.PENDING, Phase.PAUSED)
    if begins:
        # Before anything else: whatever ends the rollout, this one serves on.
        status = replace(status, stable_version=seen.serving)
    if rollout.aborted:
        return _roll_back(rollout, status, f"version {rollout.version} was aborted")
    if seen.canary is Readiness.OTHER_FILES:
        return _roll_back(
            rollout,
            status,
            f"version {rollout.version} answers with digest {seen.canary_says}, not {rollout.digest}",
        )
    if begins:
        return _begin(rollout, status, seen)
    return _progress(rollout, status, seen)


def _begin(rollout: Rollout, status: Status, seen: Observation) -> Decision:
    if seen.canary is not Readiness.READY:
        says = f": {seen.canary_says}" if seen.canary_says else ""
        reason = f"version {rollout.version} is {seen.canary}{says}"
        if status.elapsed_seconds >= rollout.deadline_seconds:
            return _roll_back(
                rollout, status, f"{reason}, {rollout.deadline_seconds:.0f} s after its rollout began"
            )
        return _keep(rollout, replace(status, phase=Phase.PENDING, reason=reason))
    if rollout.needs_approval and not rollout.approved_by:
        # Nobody is kept from thinking: the deadline counts from here.
        reason = f"version {rollout.version} waits for approval"
        return _keep(rollout, replace(status, phase=Phase.PAUSED, reason=reason, elapsed_seconds=0))
    if not rollout.steps or status.stable_version in ("", rollout.version):
        return _take_over(rollout, status, seen, "at once")
    share = rollout.steps[0].weight
    return _keep(
        rollout,
        replace(
            status,
            phase=Phase.PROGRESSING,
            step=0,
            step_seconds=0,
            elapsed_seconds=0,
            weight=share,
            reason=f"version {rollout.version} gets {share} % of the requests",
        ),
    )


def _progress(rollout: Rollout, status: Status, seen: Observation) -> Decision:
    # The gateway learns of a share a moment after it was written: the first answers are of the one before.
    answers = seen.seen if status.step_seconds > 0 else None
    status = replace(
        status,
        step_seconds=status.step_seconds + seen.seconds,
        # With less than half of the requests the new version is idle, and looks fast.
        ticks=latency.add_tick(status.ticks, *seen.histograms)
        if seen.histograms and answers is not None and status.weight == _HALF
        else status.ticks,
    )
    if answers is not None:
        status = status.add(answers)
    status = replace(status, evidence=weigh(rollout, status))
    if bad := _why_back(rollout, status, seen):
        return _roll_back(rollout, status, f"version {rollout.version} {bad}")
    status = replace(status, reason=_so_far(status))
    step = rollout.steps[min(status.step, len(rollout.steps) - 1)]
    # A gateway that could not be read, or a version that restarts, says nothing: the share stays.
    if seen.seen is None or seen.canary is not Readiness.READY or status.step_seconds < step.seconds:
        return _keep(rollout, status)
    if suspicion := _suspicion(status):
        return _keep(rollout, replace(status, reason=f"{status.reason}; {suspicion}"))
    if status.step + 1 < len(rollout.steps):
        share = rollout.steps[status.step + 1].weight
        return _keep(rollout, replace(status, step=status.step + 1, step_seconds=0, weight=share))
    if why := _why_not_yet(rollout, status):
        return _keep(rollout, replace(status, reason=f"{status.reason}; {why}"))
    return _take_over(rollout, status, seen, f"after {status.reason}")


def _why_back(rollout: Rollout, status: Status, seen: Observation) -> str:
    """Return what is wrong with the new version, with figures; empty if nothing is known to be."""
    value, ticks = status.evidence, status.ticks
    if value["failsMore"] >= errors.THRESHOLD:
        return f"fails more often: {_so_far(status)}"
    if value["slower"] >= latency.THRESHOLD:
        return f"is slower: in {ticks.slower} of {ticks.ticks} comparisons; {_so_far(status)}"
    if seen.canary is Readiness.MISSING:
        return "is missing: its InferenceService was deleted"
    if status.elapsed_seconds >= rollout.deadline_seconds:
        return f"got no verdict within {rollout.deadline_seconds:.0f} s: {_so_far(status)}"
    return ""


def _suspicion(status: Status) -> str:
    """Return why a version gets no larger share yet, although nothing is proven against it; or nothing."""
    for kind, says in (("failsMore", "fail more often"), ("slower", "be slower")):
        if status.evidence[kind] >= _SUSPICION:
            return f"it may {says}: more answers are needed"
    return ""


def _why_not_yet(rollout: Rollout, status: Status) -> str:
    """Return why a version at its last share is not promoted yet; empty if it is."""
    if status.evidence["goodEnough"] < readiness.THRESHOLD:
        return "more answers are needed"
    total = status.totals
    # A shared cause, which proves nothing for or against the new one.
    if total.stable and total.stable_failed / total.stable > rollout.max_error_ratio:
        return "the version that serves fails itself"
    return ""


def _take_over(rollout: Rollout, status: Status, seen: Observation, how: str) -> Decision:
    if seen.champion is None:
        return _keep(
            rollout, replace(status, reason=f"{status.reason or how}; the registry does not answer: waiting")
        )
    status = replace(
        status,
        phase=Phase.BAKING,
        weight=_ALL,
        step_seconds=0,
        reason=f"version {rollout.version} gets every request, {how}",
    )
    return Decision(status=status, weights={rollout.version: _ALL}, champion=_other(rollout.version, seen))


def _bake(rollout: Rollout, status: Status, seen: Observation) -> Decision:
    status = replace(status, step_seconds=status.step_seconds + seen.seconds)
    former = status.stable_version
    if rollout.aborted and former and former != rollout.version and seen.stable_ready:
        back = _roll_back(rollout, status, f"version {rollout.version} was aborted after it served")
        return replace(back, champion=former)
    champion = _other(rollout.version, seen)
    if status.step_seconds < rollout.bake_seconds or champion is not None or seen.champion is None:
        return Decision(status=status, weights={rollout.version: _ALL}, champion=champion)
    return Decision(status=replace(status, phase=Phase.PROMOTED), weights={rollout.version: _ALL})


def _roll_back(rollout: Rollout, status: Status, reason: str) -> Decision:
    status = replace(status, phase=Phase.ROLLED_BACK, weight=0, reason=reason)
    stable = status.stable_version
    return Decision(status=status, weights={stable: _ALL} if stable else {})


def _keep(rollout: Rollout, status: Status) -> Decision:
    stable, share = status.stable_version, status.weight
    if not stable:
        return Decision(status=status, weights={})
    weights = {stable: _ALL - share, rollout.version: share} if share else {stable: _ALL}
    return Decision(status=status, weights=weights)


def _other(version: str, seen: Observation) -> str | None:
    """Return the version if another one is champion."""
    return None if seen.champion in (None, version) else version


def weigh(rollout: Rollout, status: Status) -> Mapping[str, float]:
    """Return each verdict's value, from the counts of a status alone: anybody can compute it again."""
    total = status.totals
    good = readiness.log10_evidence(total.canary, total.canary_failed, rollout.max_error_ratio)
    return {
        "failsMore": float(errors.log10_evidence([_as_step(each) for each in status.counts])),
        "failsMoreThreshold": errors.THRESHOLD,
        "goodEnough": float(good),
        "goodEnoughThreshold": readiness.THRESHOLD,
        "slower": float(latency.log10_evidence(status.ticks)),
        "slowerThreshold": latency.THRESHOLD,
    }


def _as_step(counts: Counts) -> errors.StepCounts:
    return errors.StepCounts(
        canary_share=counts.weight / _ALL,
        canary_requests=counts.canary,
        canary_failures=counts.canary_failed,
        stable_requests=counts.stable,
        stable_failures=counts.stable_failed,
    )


def _so_far(status: Status) -> str:
    total = status.totals
    return (
        f"{total.canary_failed} of {total.canary} requests failed, "
        f"{total.stable_failed} of {total.stable} of the version before it"
    )
