"""Drift: rows like those of training raise no alarm, rows that have moved do until they are back."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.evidence import stories
from harness.evidence.stories import Story
from harness.prometheus import Prometheus
from tests.e2e.callers import calling
from tests.fixtures import watches
from workloads.endpoints import Endpoints
from workloads.serving.inference_services import InferenceServices
from workloads.wait import wait_for

# Calls a model for minutes.
pytestmark = pytest.mark.slow

_MODEL = "wine"
_FEATURE = "alcohol"
_SHIFT = 1.5
"""In standard deviations."""
_RATE = 50
# A window has 1,000 rows and five readings, ten seconds apart. One with rows of both kinds stays open until
# enough of them are worth an independent row.
_WINDOW_SECONDS = 90
_ALARM_SECONDS = 4 * _WINDOW_SECONDS


@pytest.fixture(scope="module")
def prometheus(endpoints: Endpoints) -> Generator[Prometheus]:
    client = Prometheus(endpoints)
    yield client
    client.close()


@pytest.fixture(scope="module")
def table() -> Any:
    """The rows that the model was trained on, and held back."""
    from sklearn.datasets import load_wine

    found: Any = load_wine(as_frame=True)
    return found.data


@pytest.fixture(scope="module")
def labels(endpoints: Endpoints) -> str:
    """Labels of the version that serves."""
    (version,) = InferenceServices(endpoints).weights(_MODEL)
    return f'namespace="{endpoints.models_namespace}",model_name="{_MODEL}",version="{version}"'


def _alarms(prometheus: Prometheus, labels: str) -> set[str]:
    found = prometheus.samples(f'plinth_drift_alarm{{{labels},variable=~"feature/.*"}} == 1')
    return {each["variable"] for each, _ in found}


def _windows(prometheus: Prometheus, labels: str, since: float) -> int:
    """Return how many windows were full since a monotonic time."""
    seconds = int(time.monotonic() - since) + 1
    found = prometheus.samples(f"resets(plinth_drift_window_rows{{{labels}}}[{seconds}s])")
    return int(found[0][1]) if found else 0


@contextmanager
def _calls(endpoints: Endpoints, table: Any) -> Generator[float]:
    """Send rows of a table; the monotonic time at which that began."""
    with calling(endpoints, _MODEL, *table.to_numpy().tolist(), rate=_RATE) as answers:
        yield time.monotonic()
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)


def test_rows_like_those_of_training_raise_no_alarm(
    endpoints: Endpoints, prometheus: Prometheus, table: Any, labels: str
) -> None:
    with _calls(endpoints, table) as began:

        def two_windows() -> str | None:
            windows = _windows(prometheus, labels, began)
            return None if windows >= 2 else f"{windows} of 2 windows are full"

        # The first may have rows of other journeys.
        wait_for("two windows", two_windows, timeout_seconds=_ALARM_SECONDS, interval_seconds=5)
        assert _alarms(prometheus, labels) == set()
        compared = prometheus.samples(f'plinth_drift_index{{{labels},variable="feature/{_FEATURE}"}}')
    assert len(compared) == 1
    assert compared[0][1] < 0.1


def test_a_feature_that_has_moved_raises_its_alarm_until_it_is_back(
    endpoints: Endpoints,
    prometheus: Prometheus,
    table: Any,
    labels: str,
    record_property: Callable[[str, object], None],
    keep_story: Callable[[Story], None],
) -> None:
    since = time.time()
    moved = table.assign(**{_FEATURE: table[_FEATURE] + _SHIFT * table[_FEATURE].std()})
    wanted = {f"feature/{_FEATURE}"}

    def alarmed() -> str | None:
        found = _alarms(prometheus, labels)
        return None if found == wanted else f"alarms {sorted(found)}"

    def fired() -> str | None:
        return None if "ModelInputDrift" in prometheus.firing() else "no alert"

    def over() -> str | None:
        found = _alarms(prometheus, labels)
        return f"alarms {sorted(found)}" if found else None

    with _calls(endpoints, moved) as began:
        wait_for("the alarm", alarmed, timeout_seconds=_ALARM_SECONDS, interval_seconds=2)
        record_property("seconds from drifted rows to the alarm", round(time.monotonic() - began))
        bound = watches.alerts()["ModelInputDrift"].fires_within_seconds
        wait_for("the alert", fired, timeout_seconds=bound, interval_seconds=2)
    with _calls(endpoints, table) as began:
        wait_for("the end of the alarm", over, timeout_seconds=_ALARM_SECONDS, interval_seconds=2)
        record_property(
            "seconds from rows like those of training to its end", round(time.monotonic() - began)
        )
    ratio = f"plinth_drift_index{{{labels}}} / plinth_drift_threshold{{{labels}}}"
    found = prometheus.ranges(ratio, since=since, step_seconds=5)
    keep_story(
        stories.of_drift(
            "drift",
            f"Rows whose {_FEATURE} is {_SHIFT:g} standard deviations higher, and then rows like before",
            "raised ModelInputDrift, and ended it",
            {each["variable"]: [(at - since, value) for at, value in points] for each, points in found},
        )
    )
