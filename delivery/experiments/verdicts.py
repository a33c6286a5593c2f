"""What follows from the labelled rows of an experiment. Pure: no clock, no network."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from delivery.experiments.records import Arm, ExperimentState, Measured, Verdict
from delivery.statistics import experiment as statistics
from delivery.statistics.experiment import Difference
from workloads.serving.experiment_request import MOST_ROWS, Experiment, Metric, OnNoDifference

_DAY: Final = 86_400
_OF_DIFFERENCES: Final = {
    Difference.BETTER: Verdict.BETTER,
    Difference.WORSE: Verdict.WORSE,
    Difference.NONE: Verdict.NO_DIFFERENCE,
    Difference.UNDECIDED: Verdict.UNDECIDED,
}


def judged(
    experiment: Experiment, state: ExperimentState, measured: Measured | None, seconds: float, former: str
) -> ExperimentState:
    """Return the state of an experiment after another look; one that is over stays as it is.

    Args:
        experiment: What is asked.
        state: How far it was.
        measured: What the stored rows say; None if nobody has looked since the last time.
        seconds: Since it began.
        former: The version that has served.
    """
    if state.is_over:
        return state
    if measured is not None:
        state = _with_rows(experiment, state, measured, former)
    if state.is_over:
        return state
    if measured is not None and measured.is_full:
        return replace(state, verdict=Verdict.NONE, says=f"after {MOST_ROWS} labelled rows: {state.says}")
    if seconds >= experiment.max_seconds:
        says = state.says or "no row has a label"
        return replace(state, verdict=Verdict.NONE, says=f"after {experiment.max_seconds} s: {says}")
    return state


def promotes(experiment: Experiment, state: ExperimentState) -> bool:
    """Return whether the new version goes on after an experiment that is over."""
    if state.verdict is Verdict.BETTER:
        return True
    return state.verdict is not Verdict.WORSE and experiment.on_no_difference is OnNoDifference.PROMOTE


def sentence(experiment: Experiment, state: ExperimentState) -> str:
    """Return what is known of the new version, as the rest of a sentence about it."""
    so_far = state.says or "no row has a label yet"
    return {
        Verdict.BETTER: f"is better: {so_far}",
        Verdict.WORSE: f"is worse: {so_far}",
        Verdict.NO_DIFFERENCE: f"makes no difference larger than {experiment.minimum_effect:g}: {so_far}",
        Verdict.NONE: f"is neither better nor worse so far, {so_far}",
        Verdict.UNDECIDED: f"is compared: {so_far}",
    }[state.verdict]


def unfit(
    experiment: Experiment,
    *,
    is_recorded: bool,
    keep_days: int | None,
    classes: Sequence[Any] | None,
    former: str,
    former_classes: Sequence[Any] | None,
) -> str:
    """Return in one line why an experiment cannot be made with these versions; empty if it can.

    Args:
        experiment: What is asked.
        is_recorded: Whether requests of models are recorded.
        keep_days: Days for which they are kept; None if the store alone knows.
        classes: Those that the new version names; None if it does not answer yet.
        former: The version that serves; empty if none does.
        former_classes: Those that it names; None if it does not answer.
    """
    if problem := experiment.problem():
        return problem
    if not is_recorded:
        return "experiment: nothing is recorded; set plinth:payloads.enabled, or roll out without experiment"
    if not former:
        return "experiment: no other version serves to compare with; roll out without experiment"
    surely = None if keep_days is None else (keep_days - 1) * _DAY
    if surely is not None and experiment.max_seconds > surely:
        return (
            f"experiment.maxSeconds: {experiment.max_seconds} s, and recorded rows are kept for {surely} s "
            "at least; give less, or a larger plinth:payloads.keepDays"
        )
    return _unfit_metric(experiment, classes, former, former_classes)


def _unfit_metric(
    experiment: Experiment,
    classes: Sequence[Any] | None,
    former: str,
    former_classes: Sequence[Any] | None,
) -> str:
    for whose, named in (("the new version", classes), (f"version {former}", former_classes)):
        if named is None:
            continue
        if experiment.metric is Metric.ACCURACY and len(named) < 2:
            return (
                f"experiment.metric: {experiment.metric} is of classes, and {whose} names none; "
                f"give {Metric.SQUARED_ERROR} or {Metric.ABSOLUTE_ERROR}"
            )
        if experiment.metric is not Metric.ACCURACY and named:
            return (
                f"experiment.metric: {experiment.metric} is of quantities, and {whose} names classes; "
                f"give {Metric.ACCURACY}"
            )
    return ""


def _with_rows(
    experiment: Experiment, state: ExperimentState, measured: Measured, former: str
) -> ExperimentState:
    challenger, champion = measured.challenger, measured.champion
    samples = challenger.sample, champion.sample
    found = statistics.interval(*samples)
    # The statistic takes more for better.
    more, less = samples if experiment.metric.larger_is_better else samples[::-1]
    verdict = _OF_DIFFERENCES[statistics.compare(more, less, experiment.minimum_effect)]
    text = f"{experiment.metric} {_figures(challenger)}, {_figures(champion)} of version {former}; " + (
        "too few to compare"
        if found is None
        else f"difference {found.difference:.4g}, between {found.low:.4g} and {found.high:.4g}"
    )
    return replace(
        state,
        challenger=challenger,
        champion=champion,
        low=found.low if found else None,
        high=found.high if found else None,
        verdict=verdict,
        says=f"{text} ({measured.left_out})" if measured.left_out else text,
    )


def _figures(arm: Arm) -> str:
    units = f" of {arm.sample.units} units" if arm.sample.units != arm.rows else ""
    return f"{arm.mean:.4g} on {arm.rows} labelled rows{units}"
