"""Faults of the platform: a webhook is notified of each and of its end within the promised time."""

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import pytest

from components.monitoring.timing import REHEARSAL
from harness.alert_receiver import AlertReceiver, receiving
from harness.faults.injection import WAVES, FaultCase
from tests.fixtures import watches
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

# Stops databases and stores for a minute each: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = pytest.mark.slow

# The window of an event, and the time that Prometheus and Alertmanager need to notify.
_RESOLVED_SECONDS = REHEARSAL.window_seconds + 180
_MONITORING = "monitoring"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Seconds from the fault to its alert, and from its end to the notification of it."""

    fired_seconds: float
    resolved_seconds: float


def _proven(endpoints: Endpoints, receiver: AlertReceiver, case: FaultCase, bound_seconds: float) -> Outcome:
    def notified(wanted: str) -> Callable[[], str | None]:
        return lambda: (
            None if (last := receiver.last_status(case.alert, case.labels)) == wanted else f"{last}"
        )

    with case.inject(endpoints):
        began = monotonic()
        wait_for(f"{case.alert} to fire", notified("firing"), timeout_seconds=bound_seconds)
        fired = monotonic() - began
    ended = monotonic()
    wait_for(f"the end of {case.alert}", notified("resolved"), timeout_seconds=_RESOLVED_SECONDS)
    return Outcome(fired_seconds=fired, resolved_seconds=monotonic() - ended)


@pytest.fixture(scope="module")
def outcomes(endpoints: Endpoints) -> Generator[dict[str, Future[Outcome]]]:
    """The outcome of every fault, injected wave by wave."""
    promises = {name: each.fires_within_seconds for name, each in watches.alerts().items()}
    found: dict[str, Future[Outcome]] = {}
    with receiving(endpoints, _MONITORING) as receiver, ThreadPoolExecutor(max_workers=4) as pool:
        for wave in WAVES:
            started = {
                name: pool.submit(_proven, endpoints, receiver, case, promises[case.alert])
                for name, case in wave.items()
            }
            for future in started.values():
                future.exception()
            found |= started
        yield found


@pytest.mark.parametrize("name", [name for wave in WAVES for name in wave])
def test_a_fault_and_its_end_are_notified_in_time(
    outcomes: dict[str, Future[Outcome]], name: str, record_property: Callable[[str, object], None]
) -> None:
    outcome = outcomes[name].result()
    record_property(f"seconds from {name} to its alert", round(outcome.fired_seconds, 1))
    record_property("seconds from its end to the notification", round(outcome.resolved_seconds, 1))
    assert outcome.fired_seconds > 0
