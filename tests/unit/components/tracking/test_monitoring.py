"""Target, alerts and dashboard of MLflow."""

from components.monitoring.timing import OPERATION, REHEARSAL
from components.tracking import monitoring


def test_errors_are_counted_over_the_window_of_the_pace() -> None:
    for timing, window in ((OPERATION, "[15m]"), (REHEARSAL, "[2m]")):
        down, errors = monitoring.watch("registry", timing).rules["registry"]
        assert window in errors.expression
        assert 'namespace="registry"' in down.expression


def test_the_page_has_rates_over_the_shortest_window() -> None:
    (page,) = monitoring.watch("registry", OPERATION).dashboards
    assert all("[5m]" in query for query in page.queries())
