"""MLflow's client sends the host by which the gateway routes."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads.endpoints import Endpoints
from workloads.tracking import connect

HOSTS: list[str] = []


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        HOSTS.append(str(self.headers["Host"]))
        body = b'{"experiment": {"experiment_id": "0", "name": "Default"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_every_request_names_the_tracking_host() -> None:
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        for domain in ("plinth.localhost", "other.local"):
            client = connect(Endpoints(**{**OUTPUTS, "gateway_url": url, "gateway_domain": domain}))
            assert client.get_experiment("0").name == "Default"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert HOSTS[0] == "mlflow.plinth.localhost"
    assert HOSTS[-1] == "mlflow.other.local"


def test_the_authority_of_one_platform_is_none_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    authority = tmp_path / "authority.pem"
    authority.write_text("")
    connect(Endpoints(**{**OUTPUTS, "gateway_authority": str(authority)}))
    assert os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"] == str(authority)
    connect(Endpoints(**OUTPUTS))
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" not in os.environ
