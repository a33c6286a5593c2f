"""Counts predictions, which KServe's server does not, and feeds its latency histogram."""

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from predictor.recorder import Recorder


def requests_counter(registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return the counter of all models of the process; a registry takes one."""
    return Counter(
        "plinth_prediction_requests",
        "Prediction requests by protocol and status code.",
        ["model_name", "protocol", "code"],
        registry=registry,
    )


class Measurements:
    """Prometheus metrics of one model."""

    def __init__(
        self, model_name: str, requests: Counter, observe_seconds: Callable[[float], None] = lambda _: None
    ) -> None:
        self._model_name = model_name
        self._observe_seconds = observe_seconds
        self._requests = requests
        # Looking up a labelled child takes longer than counting.
        self._children: dict[tuple[str, int], Counter] = {}

    def observe(self, protocol: str, status: int, seconds: float) -> None:
        """Count one request and, if it was answered, the time it took."""
        key = (protocol, status)
        if key not in self._children:
            self._children[key] = self._requests.labels(self._model_name, protocol, str(status))
        self._children[key].inc()
        if status == 200:
            self._observe_seconds(seconds)


class RecorderMetrics(Collector):
    """Prometheus metrics of the recorder: read when they are scraped, so that counting costs nothing more."""

    def __init__(self, recorder: Recorder, registry: CollectorRegistry = REGISTRY) -> None:
        self._recorder = recorder
        registry.register(self)

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return what is counted so far."""
        recorder = self._recorder
        found = {
            "plinth_recorded_rows": ("Rows kept for pullers.", recorder.recorded_rows),
            "plinth_record_dropped_rows": (
                "Rows dropped before they were pulled.",
                recorder.ring.dropped_rows,
            ),
            "plinth_unmonitored_requests": ("Answered without a record or a count.", recorder.unmonitored),
        }
        for name, (text, value) in found.items():
            family = CounterMetricFamily(name, text, labels=["model_name"])
            family.add_metric([recorder.model.name], value)
            yield family
