"""What follows from labelled rows, and what cannot be compared."""

from dataclasses import replace
from typing import Any

import pytest

from delivery.experiments import verdicts
from delivery.experiments.records import ExperimentState, Measured, Verdict
from delivery.statistics.experiment import Sample
from tests.unit.delivery.experiments.labelled import ASKED, measured, right
from workloads.serving.experiment_request import Experiment, Metric, OnNoDifference


def _judged(found: Measured | None, seconds: float = 60, asked: Experiment = ASKED) -> ExperimentState:
    return verdicts.judged(asked, ExperimentState(), found, seconds, "6")


@pytest.mark.parametrize(
    ("new", "former", "verdict"),
    [
        ((2800, 3000), (2500, 3000), Verdict.BETTER),
        ((2500, 3000), (2800, 3000), Verdict.WORSE),
        ((9000, 10_000), (9005, 10_000), Verdict.NO_DIFFERENCE),
        ((90, 100), (80, 100), Verdict.UNDECIDED),
        ((9, 10), (1, 10), Verdict.UNDECIDED),
    ],
)
def test_the_verdict_is_that_of_the_interval(
    new: tuple[int, int], former: tuple[int, int], verdict: Verdict
) -> None:
    assert _judged(measured(new, former)).verdict is verdict


def test_the_result_has_both_means_the_rows_and_the_interval() -> None:
    state = _judged(measured((2800, 3000), (2500, 3000), left_out="left out: 3 files"))
    assert state.says == (
        "accuracy 0.9333 on 3000 labelled rows, 0.8333 on 3000 labelled rows of version 6; "
        "difference 0.1, between 0.07513 and 0.1249 (left out: 3 files)"
    )
    assert state.low == pytest.approx(0.07513, abs=1e-5)
    assert state.high == pytest.approx(0.12487, abs=1e-5)
    assert "too few to compare" in _judged(measured((9, 10), (1, 10))).says


def test_of_errors_the_smaller_mean_is_better_and_the_difference_keeps_its_sign() -> None:
    asked = Experiment(metric=Metric.SQUARED_ERROR, minimum_effect=0.05)
    state = _judged(measured((1000, 3000), (2000, 3000)), asked=asked)
    assert state.verdict is Verdict.BETTER
    assert state.high is not None
    assert state.high < 0
    assert _judged(measured((2000, 3000), (1000, 3000)), asked=asked).verdict is Verdict.WORSE


def test_units_are_named_where_they_have_several_rows() -> None:
    found = Measured(challenger=right(90, 100), champion=replace(right(80, 100), rows=250))
    assert "0.8 on 250 labelled rows of 100 units of version 6" in _judged(found).says


def test_an_experiment_ends_with_its_time_or_its_rows() -> None:
    assert _judged(None, 3599).verdict is Verdict.UNDECIDED
    assert _judged(None, 3600).says == "after 3600 s: no row has a label"
    late = _judged(measured((90, 100), (80, 100)), 3600)
    assert (late.verdict, late.says.partition(":")[0]) == (Verdict.NONE, "after 3600 s")
    full = _judged(measured((90, 100), (80, 100), is_full=True))
    assert (full.verdict, full.says.partition(":")[0]) == (Verdict.NONE, "after 100000 labelled rows")
    # A verdict of the last rows is one.
    assert _judged(measured((2800, 3000), (2500, 3000), is_full=True), 3600).verdict is Verdict.BETTER


def test_an_experiment_that_is_over_stays_as_it_is() -> None:
    state = _judged(measured((2800, 3000), (2500, 3000)))
    assert verdicts.judged(ASKED, state, measured((0, 9000), (9000, 9000)), 9999, "6") is state


def test_without_another_look_the_last_figures_stay() -> None:
    state = _judged(measured((90, 100), (80, 100)))
    assert verdicts.judged(ASKED, state, None, 100, "6") == state


@pytest.mark.parametrize(
    ("verdict", "kept", "promoted"),
    [
        (Verdict.BETTER, True, True),
        (Verdict.WORSE, False, False),
        (Verdict.NO_DIFFERENCE, False, True),
        (Verdict.NONE, False, True),
    ],
)
def test_without_a_difference_the_setting_decides(verdict: Verdict, *, kept: bool, promoted: bool) -> None:
    state = ExperimentState(verdict=verdict)
    assert verdicts.promotes(ASKED, state) is kept
    promote = replace(ASKED, on_no_difference=OnNoDifference.PROMOTE)
    assert verdicts.promotes(promote, state) is promoted


def test_each_verdict_is_the_rest_of_a_sentence() -> None:
    said = {each: verdicts.sentence(ASKED, ExperimentState(verdict=each, says="x")) for each in Verdict}
    assert said == {
        Verdict.BETTER: "is better: x",
        Verdict.WORSE: "is worse: x",
        Verdict.NO_DIFFERENCE: "makes no difference larger than 0.05: x",
        Verdict.NONE: "is neither better nor worse so far, x",
        Verdict.UNDECIDED: "is compared: x",
    }
    assert verdicts.sentence(ASKED, ExperimentState()) == "is compared: no row has a label yet"


def _unfit(asked: Experiment = ASKED, **changes: Any) -> str:
    fine: dict[str, Any] = {
        "is_recorded": True,
        "keep_days": 7,
        "classes": ["a", "b"],
        "former": "6",
        "former_classes": ["a", "b"],
    }
    return verdicts.unfit(asked, **{**fine, **changes})


def test_what_can_be_compared_is() -> None:
    assert _unfit() == ""
    assert _unfit(classes=None, former_classes=None) == ""
    assert _unfit(keep_days=None) == ""
    errors = Experiment(metric=Metric.SQUARED_ERROR, minimum_effect=3)
    assert _unfit(errors, classes=[], former_classes=[]) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"is_recorded": False}, "experiment: nothing is recorded; set plinth:payloads.enabled, or roll out"),
        ({"former": ""}, "experiment: no other version serves to compare with; roll out without experiment"),
        ({"classes": []}, "experiment.metric: accuracy is of classes, and the new version names none; give "),
        (
            {"former_classes": []},
            "experiment.metric: accuracy is of classes, and version 6 names none; give ",
        ),
        (
            {"asked": replace(ASKED, metric=Metric.ABSOLUTE_ERROR)},
            "experiment.metric: absoluteError is of qua",
        ),
        (
            {"asked": replace(ASKED, minimum_effect=0)},
            "experiment.minimumEffect: 0 is not positive; give the",
        ),
        (
            {"keep_days": 1},
            "experiment.maxSeconds: 3600 s, and recorded rows are kept for 0 s at least; give",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(changes: dict[str, Any], problem: str) -> None:
    found = _unfit(**changes)
    assert found.startswith(problem)
    assert "\n" not in found


def test_rows_that_are_all_alike_decide_nothing() -> None:
    found = Measured(
        challenger=right(1000, 1000),
        champion=replace(right(0, 0), rows=1000, sample=Sample(units=1000, total=990, total_of_squares=990)),
    )
    assert _judged(found).verdict is Verdict.UNDECIDED
