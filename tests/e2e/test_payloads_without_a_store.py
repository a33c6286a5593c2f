"""Payloads while the object store is away: no caller notices, and what is lost is counted."""

import time
from collections.abc import Callable, Generator
from contextlib import closing

import pytest

from harness.faults.injection import scale_to_zero
from harness.prometheus import Prometheus
from tests.e2e.callers import calling
from tests.e2e.rolling import MODEL, serving
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.wait import wait, wait_for

# Nothing that stores files works meanwhile.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_RATE = 60
_AWAY_SECONDS = 60
_STORED_SECONDS = 180


@pytest.fixture(scope="module")
def prometheus(endpoints: Endpoints) -> Generator[Prometheus]:
    with closing(Prometheus(endpoints)) as client:
        yield client


def test_a_store_that_is_away_fails_no_request_and_every_one_is_stored_or_counted_as_lost(
    endpoints: Endpoints, prometheus: Prometheus, record_property: Callable[[str, object], None]
) -> None:
    row = lineage.read_held_back(endpoints, lineage.trace(endpoints, MODEL).served.mlflow_run_id).rows[0]
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

    before, lost = settled(), count("dropped")
    away = scale_to_zero("object-store", "object-store")
    with calling(endpoints, MODEL, row, rate=_RATE) as answers, away(endpoints):
        until = time.monotonic() + _AWAY_SECONDS
        wait_for(
            "a minute without a store",
            lambda: None if time.monotonic() > until else "not over",
            timeout_seconds=2 * _AWAY_SECONDS,
        )
        meanwhile = answers.by_digest.total()
    assert meanwhile > _RATE * _AWAY_SECONDS / 2
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    found = settled() - before
    assert found == answers.by_digest.total()
    record_property(
        "store away for a minute: requests, failed, lost",
        f"{answers.by_digest.total()}, 0, {count('dropped') - lost:.0f}",
    )
