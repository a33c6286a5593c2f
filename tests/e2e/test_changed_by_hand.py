"""What somebody deleted or changed by hand is told by `up` and put back; then nothing is left to do."""

import os
import subprocess
from pathlib import Path

import httpx
import pytest
from kubernetes import client

from cluster import lock
from tests.e2e import through_gateway
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.fault]

REPOSITORY = Path(__file__).parents[2]
_SECONDS = 300
_NAMESPACE = "mlflow"


def up(*words: str) -> str:
    """Run `python -m infra up` from another folder; return what it printed."""
    done = subprocess.run(
        [str(REPOSITORY / ".venv/bin/python"), "-m", "infra", "up", *words],
        cwd=REPOSITORY / "docs",
        env={key: value for key, value in os.environ.items() if key != lock.TOKEN_VARIABLE},
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def is_served(endpoints: Endpoints) -> str | None:
    """Return why MLflow does not answer through the gateway, or None if it does."""
    try:
        with through_gateway.connect(endpoints, endpoints.tracking_host, timeout=5) as gateway:
            answer = gateway.get("/health")
    except httpx.HTTPError as error:
        return str(error)
    return None if answer.status_code == 200 else f"HTTP {answer.status_code}"


def test_a_deleted_service_and_a_server_without_pods_are_back_after_up(endpoints: Endpoints) -> None:
    api = cluster_client.connect(endpoints.kubeconfig)
    client.CoreV1Api(api).delete_namespaced_service("mlflow", _NAMESPACE)
    scale = {"spec": {"replicas": 0}}
    client.AppsV1Api(api).patch_namespaced_deployment_scale("mlflow", _NAMESPACE, scale)
    output = up()
    assert "since the last update: Service mlflow/mlflow was deleted" in output
    assert "since the last update: Deployment mlflow/mlflow was changed" in output
    # Raises if it is not there.
    client.CoreV1Api(api).read_namespaced_service("mlflow", _NAMESPACE)
    wait_for("MLflow", lambda: is_served(endpoints), timeout_seconds=60, interval_seconds=0.5)
    assert "since the last update" not in up("--expect-no-changes")
