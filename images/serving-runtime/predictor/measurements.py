"""Counts predictions, which KServe's server does not, and feeds its latency histogram."""

from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class Measurements:
    """Prometheus metrics of one model."""

    def __init__(
        self,
        model_name: str,
        observe_seconds: Callable[[float], None] = lambda _: None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._model_name = model_name
        self._observe_seconds = observe_seconds
        self._requests = Counter(
            "plinth_prediction_requests",
            "Prediction requests by protocol and status code.",
            ["model_name", "protocol", "code"],
            registry=registry,
        )
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
