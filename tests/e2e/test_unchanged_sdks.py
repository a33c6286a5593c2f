"""Unmodified kfp and mlflow clients reach the platform, with the gateway as an HTTP proxy."""

import os
import subprocess
import sys

from tests.e2e import stranger
from workloads.endpoints import Endpoints

_MLFLOW = "import mlflow; print([model.name for model in mlflow.MlflowClient().search_registered_models()])"


def test_the_kfp_client_lists_the_runs(endpoints: Endpoints) -> None:
    client = stranger.pipelines_client(endpoints)
    states = {run.state for run in client.list_runs(page_size=50).runs or []}
    assert "SUCCEEDED" in states


def test_the_mlflow_client_finds_the_models(endpoints: Endpoints) -> None:
    # Over TLS the gateway is no proxy.
    reached = (
        {"MLFLOW_TRACKING_URI": endpoints.localhost_url}
        if endpoints.gateway_authority
        else {
            "http_proxy": endpoints.gateway_url,
            "MLFLOW_TRACKING_URI": f"http://{endpoints.tracking_host}",
        }
    )
    environment = {**os.environ, **reached, **stranger.tracking_token(endpoints)}
    done = subprocess.run(
        [sys.executable, "-c", _MLFLOW],
        env={key: value for key, value in environment.items() if key.lower() != "no_proxy"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert "'wine'" in done.stdout
