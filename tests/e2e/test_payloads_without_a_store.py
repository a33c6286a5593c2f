"""Payloads while the object store is away: no caller notices, and what is lost is counted."""

import statistics
import time
from collections.abc import Callable, Generator
from contextlib import closing

import pytest

from harness.faults.injection import scale_to_zero
from harness.prometheus import Prometheus
from tests.e2e.callers import calling, wait_for_requests
from tests.e2e.rolling import MODEL, serving
from workloads.endpoints import Endpoints
from workloads.wait import wait

# Nothing that stores files works meanwhile.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_RATE = 60
_WARM_REQUESTS = 10 * _RATE
_REQUESTS = 60 * _RATE
_MOST_ADDED_MS = 1
_STORED_SECONDS = 180


@pytest.fixture(scope="module")
def prometheus(endpoints: Endpoints) -> Generator[Prometheus]:
    with closing(Prometheus(endpoints)) as client:
        yield client


def test_a_store_that_is_away_fails_no_request_and_every_one_is_stored_or_counted_as_lost(
    endpoints: Endpoints,
    prometheus: Prometheus,
    row: list[float],
    record_property: Callable[[str, object], None],
) -> None:
    version = serving(endpoints)
    labels = f'namespace="{endpoints.models_namespace}",model_name="{MODEL}",version="{version}"'

    def count(name: str) -> float:
        found = prometheus.samples(f"plinth_payloads_{name}_requests_total{{{labels}}}")
        return found[0][1] if found else 0.0

    def settled() -> float:
        """Return how many are stored or lost once that stays so for longer than a round and a scrape."""
        seen = [(time.monotonic(), -1.0)]

        def read() -> float:
            now = count("stored") + count("dropped")
            if now != seen[-1][1]:
                seen.append((time.monotonic(), now))
            return now

        return wait(
            "the counts of payloads",
            read,
            ready=lambda _: time.monotonic() - seen[-1][0] > 40,
            timeout_seconds=_STORED_SECONDS,
            interval_seconds=3,
        )

    def figures(seconds: list[float]) -> tuple[float, float]:
        """Return median and 99th percentile in milliseconds."""
        return statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[-1] * 1000

    before, lost = settled(), count("dropped")
    away = scale_to_zero("object-store", "object-store")
    with calling(endpoints, MODEL, row, rate=_RATE) as answers:
        wait_for_requests(answers, _WARM_REQUESTS)
        warm = len(answers.seconds)
        wait_for_requests(answers, warm + _REQUESTS)
        stored = len(answers.seconds)
        with away(endpoints):
            # Without the seconds in which its pod ends, which take the machine's processors.
            wait_for_requests(answers, stored + _WARM_REQUESTS)
            alone = len(answers.seconds)
            wait_for_requests(answers, alone + _REQUESTS)
            meanwhile = answers.seconds[alone:]
    with_store, without_store = figures(answers.seconds[warm:stored]), figures(meanwhile)
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    found = settled() - before
    assert found == answers.by_digest.total()
    record_property(
        "store away for a minute: requests, failed, lost; p50 and p99 with the store, and without it (ms)",
        f"{found:.0f}, 0, {count('dropped') - lost:.0f}; "
        f"{with_store[0]:.1f} and {with_store[1]:.1f}, {without_store[0]:.1f} and {without_store[1]:.1f}",
    )
    # One caller in a hundred waits for a processor, of which this platform has two, ten times longer.
    assert without_store[0] - with_store[0] < _MOST_ADDED_MS
