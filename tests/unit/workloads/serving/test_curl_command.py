"""The command line that calls a model works as it is printed."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.fixtures.platforms import ENDPOINTS, endpoints
from workloads.serving import curl_command

pytestmark = pytest.mark.unit


def test_a_shell_sends_the_row_to_the_host_of_the_model() -> None:
    seen: list[tuple[str, str, object]] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Host"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.handle_request).start()
        platform = endpoints(gateway_url=f"http://127.0.0.1:{server.server_port}")
        command = curl_command.of_model(platform, "wine", {"it's": 1.5})
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=20)
    assert seen == [
        ("/v1/models/wine:predict", "wine-models.plinth.localhost", {"instances": [{"it's": 1.5}]})
    ]


def test_where_there_is_a_login_the_shell_asks_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv" / "bin" / "python"))
    platform = endpoints(identity_account="identity/operator")
    command = curl_command.of_model(platform, "wine", [1.0], platform=["--stack", "teams"])
    asked = "Authorization: Bearer $(.venv/bin/python -m workloads token --stack teams)"
    assert shlex.split(command)[:5] == ["curl", "-H", "Host: wine-models.plinth.localhost", "-H", asked]
    assert f'"{asked}"' in command, "the shell replaces it within double quotes alone"


def test_over_tls_the_name_is_that_of_the_certificate() -> None:
    platform = replace(
        ENDPOINTS,
        gateway_url="https://127.0.0.1:8443",
        gateway_address="127.0.0.1",
        gateway_authority="/a folder/ca.pem",
    )
    words = shlex.split(curl_command.of_model(platform, "wine", [1.0]))
    assert words[1:5] == ["--cacert", "/a folder/ca.pem", "--connect-to", "::127.0.0.1:"]
    assert words[-1] == "https://wine-models.plinth.localhost:8443/v1/models/wine:predict"


def test_a_python_outside_of_the_folder_is_named_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3.11")
    assert curl_command.interpreter() == "/usr/bin/python3.11"
