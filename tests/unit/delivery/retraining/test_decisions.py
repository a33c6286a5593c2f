"""When alerts begin a run: once each, not too often, and with labels alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.retraining.alerts import firing
from delivery.retraining.decisions import Decision, decide
from delivery.retraining.limits import RetrainingLimits
from tests.unit.delivery.retraining.notifications import alert, notification
from workloads.retraining.records import Attempt

NOW = datetime(2026, 11, 30, 13, tzinfo=UTC)
LIMITS = RetrainingLimits(
    pipelines={"models": "http://api"},
    image="steps",
    cooldown_seconds=3600,
    max_per_week=2,
    minimum_labelled_rows=200,
)
_ALERTS = (alert(),)


def begun(ago: timedelta, *alerts: str, because: str = "") -> Attempt:
    return Attempt(at=(NOW - ago).isoformat(), reason="retrain", alerts=alerts, run_id="r", because=because)


def decision(*past: Attempt, alerts: Any = _ALERTS, champion: str = "3", labelled: int = 200) -> Decision:
    return decide(NOW, firing(notification(*alerts)), past, champion, LIMITS, lambda: labelled)


def test_an_alert_with_enough_labels_begins_a_run_that_says_why() -> None:
    found = decision(
        alerts=(alert(), alert("b2", variable="feature/ash"), alert("c3", alertname="ModelPredictionDrift"))
    )
    assert (found.begins, found.because) == (True, "")
    assert found.reason == "retrain: ModelInputDrift, ModelPredictionDrift (feature/alcohol, feature/ash)"
    assert len(found.alerts) == 3


def test_an_alert_of_quality_has_no_variable_and_is_a_reason_of_its_own() -> None:
    quality = alert("q1", alertname="ModelQualityDrift", variable="")
    assert decision(alerts=(quality,)).reason == "retrain: ModelQualityDrift"
    both = decision(alerts=(alert(), quality)).reason
    assert both == "retrain: ModelInputDrift, ModelQualityDrift (feature/alcohol)"


def test_an_alert_that_has_begun_a_run_begins_no_other_one_however_often_it_comes() -> None:
    found = decision(begun(timedelta(days=2), "a1@2026-11-30T12:00:00Z"))
    assert (found.begins, found.because, found.is_known) == (
        False,
        "these alerts have begun a run already",
        True,
    )


def test_an_alert_that_was_over_and_fires_again_is_another_one() -> None:
    assert decision(begun(timedelta(days=2), "a1@2026-11-01T12:00:00Z")).begins


def test_a_refused_alert_may_begin_a_run_later() -> None:
    assert decision(begun(timedelta(minutes=1), "a1@2026-11-30T12:00:00Z", because="no labels")).begins


@pytest.mark.parametrize(("ago", "begins"), [(timedelta(minutes=59), False), (timedelta(minutes=60), True)])
def test_between_two_runs_there_is_the_cool_down(ago: timedelta, begins: bool) -> None:
    found = decision(begun(ago, "other"))
    assert found.begins is begins
    if not begins:
        assert found.because == (
            "the last one began at 2026-11-30T12:01:00Z, the next may at 2026-11-30T13:01:00Z"
        )


def test_no_more_than_the_cap_begin_within_a_week() -> None:
    past = [begun(timedelta(days=each), f"other-{each}") for each in (1, 6)]
    assert decision(*past).because == "2 began within seven days, and no more than 2 may"
    assert decision(begun(timedelta(days=7), "x"), *past[:1]).begins


@pytest.mark.parametrize(("labelled", "missing"), [(0, 200), (12, 188), (199, 1)])
def test_without_labels_nothing_begins_and_it_is_said_how_many_are_missing(
    labelled: int, missing: int
) -> None:
    found = decision(labelled=labelled)
    assert not found.begins
    assert found.because.startswith(f"{missing} of 200 labelled rows are missing")
    assert not found.is_known


def test_labels_are_counted_only_if_nothing_else_is_in_the_way() -> None:
    def count() -> int:
        raise AssertionError("counted")

    past = [begun(timedelta(minutes=1), "other")]
    assert not decide(NOW, firing(notification(alert())), past, "3", LIMITS, count).begins


@pytest.mark.parametrize("champion", ["4", ""])
def test_alerts_about_a_version_that_serves_no_longer_begin_nothing(champion: str) -> None:
    found = decision(champion=champion)
    assert (found.begins, found.because, found.is_known) == (False, "version 3 serves no longer", True)
