"""`python -m delivery.rollouts SETTINGS`: the delivery controller; it ends at SIGTERM."""

import logging
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kubernetes import client, config

from delivery.rollouts.cluster import Cluster
from delivery.rollouts.controller import Controller
from delivery.rollouts.settings import Settings

if TYPE_CHECKING:
    from delivery.experiments.experiment_watch import ExperimentWatch
    from delivery.experiments.stored_labels import StoredLabels
    from delivery.monitoring.limits import DriftLimits
    from delivery.proofs.replays import Replays
    from delivery.quality.quality_watch import QualityWatch
    from delivery.retraining.receiver import Receiver

PORT: Final = 8080
_INTERVAL: Final = 2.0
_STALE_SECONDS: Final = 60
_MOST_BYTES: Final = 1024 * 1024
"""Of a notification of alerts."""


class _Pages(BaseHTTPRequestHandler):
    """Answers whether the loop goes on, and what was found of live rows; takes alerts about them."""

    last: ClassVar[float] = time.monotonic()
    watches: ClassVar[list[Any]] = []
    receiver: ClassVar["Receiver | None"] = None
    timeout = 10
    """Seconds for which a client may be silent."""

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, "".join(each.text for each in self.watches).encode())
        else:
            self._answer(200 if time.monotonic() - self.last < _STALE_SECONDS else 503, b"")

    def do_POST(self) -> None:
        if self.receiver is None or self.path != "/alerts":
            self._answer(404, b"")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self._answer(413, b"")
            return
        status, line = self.receiver.receive(self.rfile.read(int(length)))
        self._answer(status, f"{line}\n".encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: probes are no news."""


def main(arguments: list[str]) -> int:
    """Run the loop; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = Settings.read(Path(arguments[0] if arguments else "settings.json"))
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    # The account of the pod; on a laptop a kubeconfig stands for it.
    load: Any = config.load_kube_config if "KUBECONFIG" in os.environ else config.load_incluster_config
    load()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    controller = Controller(settings, Cluster(client.ApiClient()), *_begin_watches(settings, ended))
    if settings.retraining is not None and settings.payloads is not None:
        from delivery.retraining.label_counts import LabelCounts
        from delivery.retraining.receiver import Receiver

        labels = LabelCounts(settings.payloads)
        _Pages.receiver = Receiver(settings.tracking, settings.retraining, labels.of_model)
    if settings.gateway_pods:
        server = ThreadingHTTPServer(("", PORT), _Pages)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    before = time.monotonic()
    while not ended.is_set():
        now = time.monotonic()
        controller.tick(now - before)
        before = _Pages.last = now
        ended.wait(_INTERVAL)
    return 0


def _begin_watches(
    settings: Settings, ended: threading.Event
) -> "tuple[Replays | None, ExperimentWatch | None]":
    """Begin the rounds that look at pods of models, each with a connection of its own to the API server.

    So a slow pod, or a slow object store, holds up no rollout. What a stack does not have is not imported.

    Returns:
        Replays of what is recorded, and its experiments; None each if nothing is.
    """
    if not settings.gateway_pods:
        return None, None
    replays, experiments = None, None
    if settings.drift is not None:
        from delivery.monitoring.drift_watch import DriftWatch

        _Pages.watches.append(DriftWatch([*settings.tracking], settings.drift, Cluster(client.ApiClient())))
    if settings.payloads is not None:
        from delivery.experiments.experiment_watch import ExperimentWatch
        from delivery.experiments.stored_experiments import StoredExperiments
        from delivery.experiments.stored_labels import StoredLabels
        from delivery.payloads.payload_watch import PayloadWatch
        from delivery.payloads.store import PayloadStore
        from delivery.proofs.predictors import Predictors
        from delivery.proofs.replays import Replays

        chosen, cluster = settings.payloads, Cluster(client.ApiClient())
        payloads = PayloadWatch([*settings.tracking], cluster, PayloadStore(chosen), chosen.keep_days)
        _Pages.watches.append(payloads)
        predictors = Predictors(settings.predictor_url, Cluster(client.ApiClient()))
        replays = Replays(payloads.recent, predictors, chosen.excluded_features)
        own, labels = Cluster(client.ApiClient()), StoredLabels(chosen)
        experiments = ExperimentWatch(
            [*settings.tracking],
            own,
            Predictors(settings.predictor_url, own),
            StoredExperiments(labels),
        )
        _Pages.watches.append(experiments)
        if settings.drift is not None:
            _Pages.watches.append(_quality_watch(settings, settings.drift, labels, chosen.keep_days))
    for each in _Pages.watches:
        threading.Thread(target=each.run, args=(ended,), daemon=True).start()
    return replays, experiments


def _quality_watch(
    settings: Settings, limits: "DriftLimits", labels: "StoredLabels", keep_days: int | None
) -> "QualityWatch":
    from delivery.proofs.predictors import Predictors
    from delivery.quality.quality_watch import QualityWatch
    from delivery.quality.stored_quality import StoredQuality
    from delivery.rollouts.registry import Registry

    own = Cluster(client.ApiClient())
    return QualityWatch(
        {namespace: Registry(url) for namespace, url in settings.tracking.items()},
        limits.quality_tolerance,
        own,
        Predictors(settings.predictor_url, own),
        StoredQuality(labels, keep_days),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
