"""`python -m delivery.rollouts SETTINGS`: the delivery controller; it ends at SIGTERM."""

import logging
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final

from kubernetes import client, config

from delivery.rollouts.cluster import Cluster
from delivery.rollouts.controller import Controller
from delivery.rollouts.settings import Settings

PORT: Final = 8080
_INTERVAL: Final = 2.0
_STALE_SECONDS: Final = 60


class _Health(BaseHTTPRequestHandler):
    """Answers whether the loop goes on."""

    last: ClassVar[float] = time.monotonic()

    def do_GET(self) -> None:
        alive = time.monotonic() - self.last < _STALE_SECONDS
        self.send_response(200 if alive else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

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
    controller = Controller(settings, Cluster(client.ApiClient()))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if settings.gateway_pods:
        server = ThreadingHTTPServer(("", PORT), _Health)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    before = time.monotonic()
    while not ended.is_set():
        now = time.monotonic()
        controller.tick(now - before)
        before = _Health.last = now
        ended.wait(_INTERVAL)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
