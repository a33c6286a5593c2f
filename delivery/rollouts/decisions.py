"""What the next state of a rollout is. Pure: no clock, no network; the same inputs give the same decision."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from delivery.experiments.records import Measured
from delivery.proofs.comparison import Replayed
from delivery.proofs.golden_rows import GoldenCheck
from delivery.rollouts import comparisons, proofs
from delivery.rollouts.evidence import weigh
from delivery.rollouts.records import Counts, Kind, Rollout, Status
from delivery.statistics import errors, latency, readiness
from workloads.serving.model_rollout import BEFORE_CALLERS, Phase

_ALL = 100
_HALF = 50
_UNEVEN = 0.2
"""Difference of both versions' requests, as a share of all, beyond which latencies are not compared."""
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
    golden: GoldenCheck | None = None
    """Of the version that is rolled out; None if it was not time to look."""
    replayed: Replayed | None = None
    """None if nothing is replayed yet."""
    has_served: bool = False
    """Whether an earlier rollout of the version ended with its promotion."""
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
    unfit: str = ""
    """Why its experiment cannot be made; empty if it can, or if there is none."""
    needed: str = ""
    """In words, how many labelled rows its experiment takes; empty if nobody has looked."""
    measured: Measured | None = None
    """Labelled rows of its experiment; None if nobody has looked."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to write."""

    status: Status
    weights: Mapping[str, int]
    """Version -> share of the requests, in percent; empty if the model has no version that serves."""
    champion: str | None = None
    """Version to alias champion, if another one is."""
    by_units: str = ""
    """Version that gets units by their digests, as many as its share; empty if none are assigned."""


def decide(rollout: Rollout, seen: Observation) -> Decision:
    """Return what follows from what was seen.

    Args:
        rollout: One that has not ended, and is the oldest such of its model.
        seen: What was seen at this tick.
    """
    status = replace(rollout.status, elapsed_seconds=rollout.status.elapsed_seconds + seen.seconds)
    if status.phase is Phase.BAKING:
        return _bake(rollout, status, seen)
    begins = status.phase in BEFORE_CALLERS
    if begins:
        # Before anything else: whatever ends the rollout, this one serves on.
        status = replace(status, stable_version=seen.serving)
    if rollout.aborted:
        return _roll_back(rollout, status, f"version {rollout.version} was aborted")
    status = proofs.with_golden(status, seen.golden)
    if another := _another_model(rollout, status, seen):
        return _roll_back(rollout, status, another)
    if begins:
        return _begin(rollout, status, seen)
    return _progress(rollout, status, seen)


def _begin(rollout: Rollout, status: Status, seen: Observation) -> Decision:
    if seen.unfit:
        return _roll_back(rollout, status, f"version {rollout.version} is not compared: {seen.unfit}")
    status = comparisons.with_needed(status, seen.needed)
    status = proofs.with_agreement(rollout, status, seen.replayed, has_served=seen.has_served)
    agrees = status.condition(Kind.AGREEMENT)
    if agrees is not None and agrees.holds is False:
        return _roll_back(rollout, status, f"version {rollout.version}: {agrees.message}")
    if unproven := _unproven(rollout, status, seen):
        phase, reason = unproven
        return _wait(rollout, replace(status, phase=phase, reason=reason))
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


def _unproven(rollout: Rollout, status: Status, seen: Observation) -> tuple[Phase, str] | None:
    """Return where a version is that may not meet callers yet, and why; None if it may."""
    name = f"version {rollout.version}"
    if seen.canary is not Readiness.READY:
        says = f": {seen.canary_says}" if seen.canary_says else ""
        return Phase.PENDING, f"{name} is {seen.canary}{says}"
    if status.condition(Kind.GOLDEN_ROWS) is None:
        return Phase.PENDING, f"{name}: {seen.golden.says if seen.golden else proofs.NOT_ASKED}"
    if status.condition(Kind.AGREEMENT) is None:
        return Phase.SHADOW, f"{name}: {proofs.agreement_of(status)} so far"
    return None


def _progress(rollout: Rollout, status: Status, seen: Observation) -> Decision:
    # The gateway learns of a share a moment after it was written: the first answers are of the one before.
    answers = seen.seen if status.step_seconds > 0 else None
    status = replace(
        status,
        step_seconds=status.step_seconds + seen.seconds,
        # With less than half of the requests the new version is idle, and looks fast.
        ticks=latency.add_tick(status.ticks, *seen.histograms)
        if seen.histograms and answers is not None and _is_even(rollout, answers)
        else status.ticks,
    )
    if answers is not None:
        status = status.add(answers)
    status = comparisons.with_look(rollout, replace(status, evidence=weigh(rollout, status)), seen.measured)
    if bad := _why_back(rollout, status, seen):
        return _roll_back(rollout, status, f"version {rollout.version} {bad}")
    status = replace(status, reason=f"{_so_far(status)}{comparisons.so_far(rollout, status)}")
    step = rollout.steps[min(status.step, len(rollout.steps) - 1)]
    # A gateway that could not be read, or a version that restarts, says nothing: the share stays.
    says_nothing = seen.seen is None or seen.canary is not Readiness.READY
    if says_nothing or status.step_seconds < step.seconds or comparisons.is_compared(rollout, status):
        return _keep(rollout, status)
    if suspicion := _suspicion(status):
        return _keep(rollout, replace(status, reason=f"{status.reason}; {suspicion}"))
    if status.step + 1 < len(rollout.steps):
        share = rollout.steps[status.step + 1].weight
        return _keep(rollout, replace(status, step=status.step + 1, step_seconds=0, weight=share))
    if why := _why_not_yet(rollout, status):
        return _keep(rollout, replace(status, reason=f"{status.reason}; {why}"))
    return _take_over(rollout, status, seen, f"after {status.reason}")


def _is_even(rollout: Rollout, answers: Counts) -> bool:
    """Return whether both versions get about as many requests, which units of an experiment may not do."""
    if answers.weight != _HALF:
        return False
    apart = abs(answers.canary - answers.stable)
    return rollout.experiment is None or apart <= _UNEVEN * (answers.canary + answers.stable)


def _why_back(rollout: Rollout, status: Status, seen: Observation) -> str:
    """Return what is wrong with the new version, with figures; empty if nothing is known to be."""
    value, ticks = status.evidence, status.ticks
    if value["failsMore"] >= errors.THRESHOLD:
        return f"fails more often: {_so_far(status)}"
    if value["slower"] >= latency.THRESHOLD:
        return f"is slower: in {ticks.slower} of {ticks.ticks} comparisons; {_so_far(status)}"
    if seen.canary is Readiness.MISSING:
        return "is missing: its InferenceService was deleted"
    if back := comparisons.why_back(rollout, status):
        return back
    # An experiment has a time of its own.
    is_late = status.elapsed_seconds >= rollout.deadline_seconds
    if is_late and not comparisons.is_compared(rollout, status):
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
    status = proofs.with_golden(status, seen.golden)
    aborted = f"version {rollout.version} was aborted after it served" if rollout.aborted else ""
    why = aborted or _another_model(rollout, status, seen)
    if why and former and former != rollout.version and seen.stable_ready:
        return replace(_roll_back(rollout, status, why), champion=former)
    champion = _other(rollout.version, seen)
    if status.step_seconds < rollout.bake_seconds or champion is not None or seen.champion is None:
        return Decision(status=status, weights={rollout.version: _ALL}, champion=champion)
    return Decision(status=replace(status, phase=Phase.PROMOTED), weights={rollout.version: _ALL})


def _wait(rollout: Rollout, status: Status) -> Decision:
    """Keep a version that has not proven itself from callers, until its deadline."""
    if status.elapsed_seconds >= rollout.deadline_seconds:
        late = f"{status.reason}, {rollout.deadline_seconds:.0f} s after its rollout began"
        return _roll_back(rollout, status, late)
    return _keep(rollout, status)


def _another_model(rollout: Rollout, status: Status, seen: Observation) -> str:
    """Return how a version shows that it is not what was trained and judged; empty if it does not."""
    if seen.canary is Readiness.OTHER_FILES:
        return f"version {rollout.version} answers with digest {seen.canary_says}, not {rollout.digest}"
    golden = status.condition(Kind.GOLDEN_ROWS)
    if golden is not None and golden.holds is False:
        return f"version {rollout.version}: {golden.message}"
    return ""


def _roll_back(rollout: Rollout, status: Status, reason: str) -> Decision:
    status = replace(status, phase=Phase.ROLLED_BACK, weight=0, reason=reason)
    stable = status.stable_version
    return Decision(status=status, weights={stable: _ALL} if stable else {})


def _keep(rollout: Rollout, status: Status) -> Decision:
    stable, share = status.stable_version, status.weight
    if not stable:
        return Decision(status=status, weights={})
    if not share:
        return Decision(status=status, weights={stable: _ALL})
    by_units = rollout.version if rollout.experiment is not None else ""
    weights = {stable: _ALL - share, rollout.version: share}
    return Decision(status=status, weights=weights, by_units=by_units)


def _other(version: str, seen: Observation) -> str | None:
    """Return the version if another one is champion."""
    return None if seen.champion in (None, version) else version


def _so_far(status: Status) -> str:
    total = status.totals
    return (
        f"{total.canary_failed} of {total.canary} requests failed, "
        f"{total.stable_failed} of {total.stable} of the version before it"
    )
