"""Target, alert and dashboard of the queues."""

from components.monitoring.timing import OPERATION
from components.queues import monitoring
from components.queues.kueue_controller import METRICS_PORT


def test_the_queues_are_scraped_with_a_token() -> None:
    (target,) = monitoring.watch("kueue", OPERATION).targets
    assert (target.namespace, target.port, target.authenticated) == ("kueue", METRICS_PORT, True)


def test_a_controller_that_is_down_is_an_alert() -> None:
    (alert,) = monitoring.watch("kueue", OPERATION).rules["queues"]
    assert alert.name == "QueuesDown"  # pyright: ignore
    assert 'namespace="kueue"' in str(alert)


def test_the_page_shows_only_what_is_scraped() -> None:
    watch = monitoring.watch("kueue", OPERATION)
    (target,), (page,) = watch.targets, watch.dashboards
    assert (page.name, bool(page.title)) == ("queues", True)
    for panel in page.panels:
        for query in panel.queries.values():
            assert any(metric in query for metric in target.metrics), query
