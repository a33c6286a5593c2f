"""Quality: right labels raise no alarm, labels that contradict one answer in three do while they last."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from harness.prometheus import Prometheus
from tests.e2e import labelled
from tests.e2e.labelled import Answered
from tests.e2e.retrainings import none_begins
from tests.e2e.rolling import MODEL, end_what_is_under_way, serving
from tests.fixtures import watches
from workloads.endpoints import Endpoints
from workloads.retraining.records import REFUSED, Attempt
from workloads.tracking import connect
from workloads.wait import wait_for

# Sends requests and waits for labels for minutes.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_REQUESTS = 600
_WRONG_ONE_IN = 3
"""Wine has 54 held-back rows, which promise so little that one in five may take a thousand labels."""
# The controller looks every 30 seconds, or when it has rested nine times as long as a look has taken it.
_LOOK_SECONDS = 240
_NOTIFIED_SECONDS = 120


@pytest.fixture(scope="module")
def prometheus(endpoints: Endpoints) -> Generator[Prometheus]:
    with closing(Prometheus(endpoints)) as client:
        yield client


@pytest.fixture(scope="module")
def answers(endpoints: Endpoints) -> list[Answered]:
    """What callers got for rows like those of training, one in each request."""
    from sklearn.datasets import load_wine

    # A fixture of the module comes before those of its tests.
    end_what_is_under_way(endpoints)
    found: Any = load_wine()
    return labelled.ask(endpoints, found.data.tolist(), _REQUESTS)


@pytest.fixture(scope="module")
def classes(endpoints: Endpoints) -> list[str]:
    """The classes in the order of the model's probabilities."""
    return labelled.classes(endpoints)


@contextmanager
def _labelled(
    endpoints: Endpoints, answers: Sequence[Answered], classes: list[str], wrong_one_in: int
) -> Generator[None]:
    """Upload labels by which one answer in so many is wrong, 0 for none, with the keys of users."""
    labels: dict[str, str] = {}
    for at, each in enumerate(answers):
        is_wrong = wrong_one_in and at % wrong_one_in == 0
        labels[each.identity] = classes[(each.predicted + bool(is_wrong)) % len(classes)]
    with labelled.uploaded(endpoints, labels):
        yield


class _Quality:
    """What Prometheus has of the version that serves."""

    def __init__(self, endpoints: Endpoints, prometheus: Prometheus) -> None:
        self.version = serving(endpoints)
        self._prometheus = prometheus
        namespace = endpoints.models_namespace
        self._labels = f'namespace="{namespace}",model_name="{MODEL}",version="{self.version}"'

    def of(self, name: str) -> float | None:
        """Return the value of a series of quality; None if there is none."""
        found = self._prometheus.samples(f"plinth_quality_{name}{{{self._labels}}}")
        return found[0][1] if found else None

    def wait_for_rows(self, rows: int) -> None:
        """Wait until this many rows have a label, no more and no fewer."""

        def counted() -> str | None:
            found = self.of("labelled_rows")
            return None if found == rows else f"{found} of {rows} labelled rows"

        wait_for("labelled rows", counted, timeout_seconds=_LOOK_SECONDS, interval_seconds=3)


@pytest.fixture
def quality(endpoints: Endpoints, prometheus: Prometheus) -> _Quality:
    """The quality of the version that serves, once labels of earlier tests are gone."""
    found = _Quality(endpoints, prometheus)
    found.wait_for_rows(0)
    return found


def test_without_labels_nothing_is_claimed(quality: _Quality) -> None:
    assert quality.of("without_reference") == 0
    reference, threshold = quality.of("reference"), quality.of("threshold")
    assert reference is not None
    assert threshold is not None
    assert 0 < threshold < reference <= 1
    claimed = {each: quality.of(each) for each in ("accuracy", "evidence", "alarm")}
    assert claimed == {"accuracy": None, "evidence": None, "alarm": None}


def test_right_labels_raise_no_alarm(
    endpoints: Endpoints, quality: _Quality, answers: list[Answered], classes: list[str]
) -> None:
    with none_begins(endpoints, MODEL), _labelled(endpoints, answers, classes, 0):
        quality.wait_for_rows(_REQUESTS)
        found = {each: quality.of(each) for each in ("wrong_rows", "accuracy", "evidence", "alarm")}
    assert found == {"wrong_rows": 0, "accuracy": 1, "evidence": 0, "alarm": 0}


def test_wrong_answers_raise_their_alert_which_asks_for_a_retraining_until_the_labels_are_gone(
    endpoints: Endpoints,
    quality: _Quality,
    prometheus: Prometheus,
    answers: list[Answered],
    classes: list[str],
    record_property: Callable[[str, object], None],
) -> None:
    mlflow = connect(endpoints)

    def fired() -> str | None:
        return None if "ModelQualityDrift" in prometheus.firing() else "no alert"

    def asked() -> str | None:
        tags: Any = mlflow.get_model_version(MODEL, quality.version).tags
        last = Attempt.of_tag(tags[REFUSED]) if REFUSED in tags else None
        if last is None or last.time.timestamp() < began or "ModelQualityDrift" not in last.reason:
            return f"the last answer is {last}"
        assert last.because.startswith("the last one began at "), last.because
        return None

    def over() -> str | None:
        return "it fires" if "ModelQualityDrift" in prometheus.firing() else None

    with none_begins(endpoints, MODEL):
        # Records have whole seconds.
        began, uploaded = float(int(time.time())), time.monotonic()
        with _labelled(endpoints, answers, classes, _WRONG_ONE_IN):
            quality.wait_for_rows(_REQUESTS)
            assert quality.of("wrong_rows") == _REQUESTS / _WRONG_ONE_IN
            assert quality.of("accuracy") == pytest.approx(1 - 1 / _WRONG_ONE_IN)
            assert (quality.of("evidence") or 0) >= 1
            bound = watches.alerts()["ModelQualityDrift"].fires_within_seconds
            wait_for("the alert", fired, timeout_seconds=bound, interval_seconds=2)
            record_property("seconds from labels to the alert", round(time.monotonic() - uploaded))
            wait_for("its answer", asked, timeout_seconds=_NOTIFIED_SECONDS, interval_seconds=2)
        wait_for("the end of the alert", over, timeout_seconds=_LOOK_SECONDS, interval_seconds=3)
