import pytest

from components.monitoring.rules import Alert, Recording
from components.monitoring.timing import OPERATION, REHEARSAL, Timing
from components.serving import burn_rates
from components.serving.objectives import Objectives

OBJECTIVES = Objectives()


@pytest.mark.parametrize("timing", [OPERATION, REHEARSAL])
def test_every_alert_reads_recordings_of_its_two_windows(timing: Timing) -> None:
    rules = burn_rates.rules(("models",), OBJECTIVES, timing)
    recorded = {each.record for each in rules if isinstance(each, Recording)}
    alerts = [each for each in rules if isinstance(each, Alert)]
    assert len(alerts) == 2 * len(timing.burns)
    for alert in alerts:
        read = {name for name in recorded if f"{name} " in alert.expression}
        assert len(read) == 3, alert.expression


def test_the_budget_of_a_month_is_burnt_by_the_workbooks_factor() -> None:
    alerts = {
        each.name: each
        for each in burn_rates.rules(("models",), OBJECTIVES, OPERATION)
        if isinstance(each, Alert)
    }
    # 14.4 times half a per cent, and six times.
    assert "ratio_rate1h > 0.072 and" in alerts["ServingErrorBudgetFastBurn"].expression
    assert "ratio_rate6h > 0.03 and" in alerts["ServingErrorBudgetSlowBurn"].expression
    assert "ratio_rate1h > 0.144 and" in alerts["ServingLatencyBudgetFastBurn"].expression


def test_recordings_come_before_the_alerts_that_read_them() -> None:
    kinds = [type(each) for each in burn_rates.rules(("models",), OBJECTIVES, REHEARSAL)]
    assert kinds == sorted(kinds, key=lambda kind: kind is Alert)


def test_the_promised_latency_names_a_bucket_as_prometheus_writes_it() -> None:
    whole = burn_rates.rules(("models",), Objectives(latency_seconds=1), REHEARSAL)
    assert any(isinstance(each, Recording) and 'le="1.0"' in each.expression for each in whole)


def test_a_faster_burn_is_told_sooner() -> None:
    seconds = {
        each.name: each.fires_within_seconds
        for each in burn_rates.rules(("models",), OBJECTIVES, OPERATION)
        if isinstance(each, Alert)
    }
    assert seconds["ServingErrorBudgetFastBurn"] < seconds["ServingErrorBudgetSlowBurn"]
