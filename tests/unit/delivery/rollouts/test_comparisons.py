"""The experiment of a rollout, from its first step to each of its ends."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.experiments.records import ExperimentState, Measured, Verdict
from delivery.rollouts import comparisons
from delivery.rollouts.decisions import decide
from delivery.rollouts.records import Counts, Kind, Rollout, Status, Step
from tests.unit.delivery.experiments.labelled import ASKED, measured
from tests.unit.delivery.rollouts.rollout_cases import after, proven, rollout, seen
from workloads.serving.experiment_request import OnNoDifference
from workloads.serving.model_rollout import Phase

_BEGUN = "2026-11-30T12:00:00+00:00"
_NOW = datetime(2026, 11, 30, 11, 59, 55, tzinfo=UTC)
_BETTER, _WORSE = measured((2800, 3000), (2500, 3000)), measured((2500, 3000), (2800, 3000))
_ALIKE = measured((9000, 10_000), (9005, 10_000))
_PROMOTES = replace(ASKED, on_no_difference=OnNoDifference.PROMOTE)
_ENOUGH = Counts(weight=50, canary=500, stable=500)


def _compared(**changes: Any) -> Rollout:
    """Return a rollout at the share of its experiment, which has begun."""
    status = Status(
        phase=Phase.PROGRESSING,
        weight=50,
        step=1,
        step_seconds=20,
        stable_version="1",
        experiment=ExperimentState(begun_at=_BEGUN),
    )
    return rollout(proven(status), **{"experiment": ASKED, **changes})


def test_what_cannot_be_compared_meets_no_caller() -> None:
    decision = decide(rollout(experiment=ASKED), seen(unfit="experiment: nothing is recorded; set it"))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason == "version 2 is not compared: experiment: nothing is recorded; set it"


def test_its_size_is_told_before_it_begins() -> None:
    waiting = rollout(Status(), experiment=ASKED)
    decision = decide(waiting, seen(needed="about 900 rows"))
    assert (decision.status.phase, decision.status.experiment.needed) == (Phase.PENDING, "about 900 rows")
    later = decide(replace(waiting, status=decision.status), seen(needed="about 901 rows"))
    assert later.status.experiment.needed == "about 900 rows"


def test_units_are_assigned_from_the_first_step_on() -> None:
    decision = decide(rollout(experiment=ASKED), seen())
    assert (decision.weights, decision.by_units) == ({"1": 95, "2": 5}, "2")
    assert decide(rollout(), seen()).by_units == ""


def test_rows_count_from_a_moment_after_the_share_is_reached() -> None:
    made = _compared()
    status = replace(made.status, experiment=ExperimentState())
    begun = comparisons.with_begin(made, status, _NOW)
    assert begun.experiment.begun_at == _BEGUN
    later = datetime(2027, 1, 1, tzinfo=UTC)
    assert comparisons.with_begin(made, begun, later) == begun
    first_step = replace(status, weight=5, step=0)
    assert comparisons.with_begin(made, first_step, _NOW) == first_step
    assert comparisons.with_begin(rollout(status), status, _NOW) == status


def test_it_stays_at_its_share_while_nothing_is_known() -> None:
    now, decision = after(
        _compared(
            steps=(Step(weight=5, seconds=10), Step(weight=50, seconds=10), Step(weight=75, seconds=0))
        ),
        # Beyond the deadline of rollouts: an experiment has a time of its own.
        seen(_ENOUGH, seconds=1000, measured=measured((90, 100), (80, 100))),
    )
    assert (decision.status.phase, decision.weights, decision.by_units) == (
        Phase.PROGRESSING,
        {"1": 50, "2": 50},
        "2",
    )
    assert decision.status.reason == (
        "0 of 500 requests failed, 0 of 500 of the version before it; "
        f"it is compared: {now.status.experiment.says}"
    )
    assert decision.status.condition(Kind.EXPERIMENT) is None


@pytest.mark.parametrize(
    ("found", "experiment", "holds", "word"),
    [
        (_BETTER, ASKED, True, "Better"),
        (_ALIKE, _PROMOTES, None, "NoDifference"),
    ],
)
def test_a_version_that_wins_is_promoted_with_what_the_labels_say(
    found: Measured, experiment: Any, holds: bool | None, word: str
) -> None:
    now, decision = after(_compared(experiment=experiment), seen(_ENOUGH, measured=found))
    assert (decision.status.phase, decision.weights, decision.champion) == (Phase.BAKING, {"2": 100}, "2")
    assert now.status.experiment.says in decision.status.reason
    condition = decision.status.condition(Kind.EXPERIMENT)
    assert condition is not None
    assert (condition.holds, condition.reason) == (holds, word)
    assert decision.by_units == ""


def test_a_better_version_takes_the_steps_that_are_left_within_a_deadline_of_their_own() -> None:
    steps = (Step(weight=50, seconds=10), Step(weight=75, seconds=10))
    made = _compared(steps=steps)
    made = replace(made, status=replace(made.status, step=0, elapsed_seconds=5000))
    now, decision = after(made, seen(_ENOUGH, measured=_BETTER))
    assert (decision.weights, now.status.elapsed_seconds) == ({"1": 25, "2": 75}, 0)
    # What is measured later changes nothing.
    now, decision = after(now, seen(measured=_WORSE), seen(replace(_ENOUGH, weight=75), seconds=10))
    assert (decision.status.phase, now.status.experiment.verdict) == (Phase.BAKING, Verdict.BETTER)


def test_a_worse_version_is_rolled_back_with_both_figures_and_the_interval() -> None:
    now, decision = after(_compared(), seen(_ENOUGH, measured=_WORSE))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason == f"version 2 is worse: {now.status.experiment.says}"
    assert now.status.experiment.says.startswith(
        "accuracy 0.8333 on 3000 labelled rows, 0.9333 on 3000 labelled rows of version 1; difference -0.1, "
    )


@pytest.mark.parametrize(
    ("found", "seconds", "says"),
    [
        (_ALIKE, 2, "version 2 makes no difference larger than 0.05: accuracy 0.9 on 10000 labelled rows"),
        (None, 3600, "version 2 is neither better nor worse so far, after 3600 s: no row has a label"),
        (
            measured((90, 100), (80, 100), is_full=True),
            2,
            "version 2 is neither better nor worse so far, after 100000 labelled rows: accuracy 0.9",
        ),
    ],
)
def test_without_a_difference_the_serving_version_stays(
    found: Measured | None, seconds: float, says: str
) -> None:
    _, decision = after(_compared(), seen(_ENOUGH, seconds=seconds, measured=found))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason.startswith(says)
    assert decision.status.reason.endswith("; version 1 stays")


def test_a_version_that_fails_is_rolled_back_whatever_the_labels_say() -> None:
    fails = Counts(weight=50, canary=100, canary_failed=50, stable=100)
    _, decision = after(_compared(), seen(fails, measured=_BETTER))
    assert decision.status.phase is Phase.ROLLED_BACK
    assert "fails more often" in decision.status.reason


def test_an_abort_ends_an_experiment() -> None:
    _, decision = after(_compared(aborted=True), seen(measured=_BETTER))
    assert (decision.status.phase, decision.status.reason) == (Phase.ROLLED_BACK, "version 2 was aborted")


def test_a_rollout_without_experiment_heeds_no_labels() -> None:
    made = _compared(experiment=None)
    _, decision = after(made, seen(_ENOUGH, measured=_WORSE))
    assert decision.status.phase is Phase.BAKING


@pytest.mark.parametrize(
    ("canary", "stable", "ticks"), [(100, 100, 1), (100, 140, 1), (100, 200, 0), (40, 9, 0)]
)
def test_latencies_are_compared_while_units_load_both_versions_alike(
    canary: int, stable: int, ticks: int
) -> None:
    bounds = ([canary // 2, canary], [stable // 2, stable])
    counts = Counts(weight=50, canary=canary, stable=stable)
    _, decision = after(_compared(), seen(counts, histograms=bounds))
    assert decision.status.ticks.ticks == ticks
    _, decision = after(_compared(experiment=None), seen(counts, histograms=bounds))
    assert decision.status.ticks.ticks == 1
