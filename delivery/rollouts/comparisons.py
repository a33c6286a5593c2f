"""The experiment of a rollout: when it is made, and what becomes of its result. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from delivery.experiments import verdicts
from delivery.experiments.records import Measured, Verdict
from delivery.rollouts.records import Condition, Kind, Rollout, Status
from workloads.serving.model_rollout import Phase

_SETTLES: Final = timedelta(seconds=5)
"""Requests of that time may still be of the share before."""
_WORDS: Final = {
    Verdict.BETTER: (True, "Better"),
    Verdict.WORSE: (False, "Worse"),
    Verdict.NO_DIFFERENCE: (None, "NoDifference"),
    Verdict.NONE: (None, "NoVerdict"),
}


def with_needed(status: Status, needed: str) -> Status:
    """Return the status with the rows that its experiment needs, before it begins."""
    if not needed or status.experiment.needed:
        return status
    return replace(status, experiment=replace(status.experiment, needed=needed))


def with_begin(rollout: Rollout, status: Status, now: datetime) -> Status:
    """Return the status with the time from which rows count, once the share is reached.

    Args:
        rollout: The rollout.
        status: As it is now.
        now: The time, in UTC.
    """
    if not is_compared(rollout, status) or status.experiment.begun_at:
        return status
    begun = (now + _SETTLES).isoformat(timespec="seconds")
    return replace(status, experiment=replace(status.experiment, begun_at=begun))


def is_compared(rollout: Rollout, status: Status) -> bool:
    """Return whether both versions are at the share of an experiment that is not over."""
    return (
        rollout.experiment is not None
        and status.phase is Phase.PROGRESSING
        and status.weight == rollout.experiment.share
        and not status.experiment.is_over
    )


def with_look(rollout: Rollout, status: Status, measured: Measured | None) -> Status:
    """Return the status after another look at labelled rows; with a condition once there is a result.

    Args:
        rollout: The rollout.
        status: As it is now.
        measured: What the stored rows say; None if nobody has looked.
    """
    experiment = rollout.experiment
    if experiment is None or not is_compared(rollout, status) or not status.experiment.begun_at:
        return status
    state = verdicts.judged(
        experiment, status.experiment, measured, status.step_seconds, status.stable_version
    )
    status = replace(status, experiment=state)
    if not state.is_over:
        return status
    holds, reason = _WORDS[state.verdict]
    message = f"version {rollout.version} {verdicts.sentence(experiment, state)}"
    # What is left of the rollout has the whole deadline to itself.
    return replace(status, elapsed_seconds=0).with_condition(
        Condition(kind=Kind.EXPERIMENT, holds=holds, reason=reason, message=message)
    )


def why_back(rollout: Rollout, status: Status) -> str:
    """Return why an experiment ends the rollout, as the rest of a sentence; empty if it does not."""
    experiment, state = rollout.experiment, status.experiment
    if experiment is None or not state.is_over or verdicts.promotes(experiment, state):
        return ""
    stays = "" if state.verdict is Verdict.WORSE else f"; version {status.stable_version} stays"
    return f"{verdicts.sentence(experiment, state)}{stays}"


def so_far(rollout: Rollout, status: Status) -> str:
    """Return what its experiment says, to be put behind another sentence; empty without one."""
    if rollout.experiment is None or not status.experiment.begun_at:
        return ""
    return f"; it {verdicts.sentence(rollout.experiment, status.experiment)}"
