"""How many recorded requests were stored, and how many were lost, as Prometheus reads it."""

from collections.abc import Mapping

from delivery.monitoring.exposition import family
from delivery.version import Version


def text(stored: Mapping[Version, int], dropped: Mapping[Version, int], failures: int) -> str:
    """Return the page that Prometheus scrapes."""
    return "".join(
        (
            family(
                "plinth_payloads_stored_requests_total",
                "Recorded requests that are in the object store.",
                [(each.labels, count) for each, count in sorted(stored.items())],
                kind="counter",
            ),
            family(
                "plinth_payloads_dropped_requests_total",
                "Recorded requests that predictors had no room for until they were pulled.",
                [(each.labels, count) for each, count in sorted(dropped.items())],
                kind="counter",
            ),
            family(
                "plinth_payloads_store_failures_total",
                "Batches of requests that could not be stored; they are pulled again.",
                [({}, failures)],
                kind="counter",
            ),
        )
    )
