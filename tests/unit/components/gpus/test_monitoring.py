"""Targets, alerts and dashboard of GPU scheduling."""

from components.gpus import monitoring
from components.gpus.kueue_controller import METRICS_PORT
from components.monitoring.timing import OPERATION


def test_pods_may_wait_for_a_gpu_as_long_as_a_pool_needs_to_grow() -> None:
    (alert,) = monitoring.pods_watch(OPERATION).rules["gpus"]
    assert alert.hold_seconds == OPERATION.pending_seconds  # pyright: ignore


def test_the_queues_are_scraped_with_a_token() -> None:
    (target,) = monitoring.queues_watch("kueue", OPERATION).targets
    assert (target.namespace, target.port, target.authenticated) == ("kueue", METRICS_PORT, True)


def test_panels_of_the_queues_are_added_to_the_page_of_the_pools() -> None:
    (own,) = monitoring.pods_watch(OPERATION).dashboards
    (added,) = monitoring.queues_watch("kueue", OPERATION).dashboards
    assert (own.name, bool(own.title)) == (added.name, not added.title)
