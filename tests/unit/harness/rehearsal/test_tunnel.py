"""A tunnel: the port that kubectl opens becomes the gateway's address for one command."""

import json
import sys
from pathlib import Path

import pytest

from harness.rehearsal import tunnel
from workloads.endpoints import Endpoints

ENDPOINTS = Endpoints(
    kubeconfig="/none",
    gateway_url="https://mlflow.plinth.example.com",
    gateway_domain="plinth.example.com",
    pipelines_namespace="runs",
    tracking_namespace="mlflow",
    models_namespace="models",
    artifacts_destination="s3://mlflow",
    pipelines_bucket="pipelines",
    object_store_region="us-east-1",
    workload_image="workload:1",
)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of kubectl: it names the Service's port, or forwards to it."""
    program = tmp_path / "kubectl"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, time\n"
        "if 'get' in sys.argv:\n"
        "    print(443)\n"
        "elif ':443' in sys.argv and sys.argv[1] == '--kubeconfig=/none':\n"
        "    print('Forwarding from 127.0.0.1:40001 -> 8000', flush=True)\n"
        "    time.sleep(60)\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr("cluster.programs.binaries.kubectl", lambda: program)
    monkeypatch.setattr(Endpoints, "of_stack", lambda _: ENDPOINTS)
    return program


def test_the_command_gets_a_file_with_the_tunnels_address(kubectl: Path, tmp_path: Path) -> None:
    copied = tmp_path / "seen.json"
    argv = [
        sys.executable,
        "-c",
        "import shutil, sys; shutil.copy(*sys.argv[1:])",
        "{endpoints}",
        str(copied),
    ]
    assert tunnel.main("dev", argv) == 0
    seen = Endpoints.parse(copied.read_text())
    assert seen.gateway_url == "http://127.0.0.1:40001"
    assert json.loads(copied.read_text())["gateway_domain"] == "plinth.example.com"


def test_the_exit_code_is_the_commands(kubectl: Path) -> None:
    assert tunnel.main("dev", [sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_a_tunnel_that_does_not_open_says_why(kubectl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = kubectl.read_text()
    kubectl.write_text(text.partition("elif")[0] + "else:\n    sys.exit('error: no such service')\n")
    assert tunnel.main("dev", ["true"]) == 1
    assert capsys.readouterr().err == (
        "error: no tunnel to service/traefik in gateway: error: no such service\n"
    )
