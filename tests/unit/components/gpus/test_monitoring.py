"""Alert and dashboard of GPU pods."""

from components.gpus import monitoring
from components.monitoring.timing import OPERATION


def test_pods_may_wait_for_a_gpu_as_long_as_a_pool_needs_to_grow() -> None:
    (alert,) = monitoring.pods_watch(OPERATION).rules["gpus"]
    assert alert.hold_seconds == OPERATION.pending_seconds  # pyright: ignore


def test_the_pools_have_a_page() -> None:
    (page,) = monitoring.pods_watch(OPERATION).dashboards
    assert (page.name, page.title) == ("gpu-pools", "GPU pools")
