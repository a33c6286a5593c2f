"""An unmodified kserve client creates, calls and deletes an inference service of its own."""

import json
import os
import subprocess
from pathlib import Path

import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from components import versions
from harness import conformance
from tests.e2e import stranger
from upstream.cache import cache_root
from workloads import tokens
from workloads.endpoints import Endpoints
from workloads.serving.artifacts import storage_uri

_SECONDS = 600
_ROWS = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])


@pytest.fixture
def model(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[float]]:
    """Location of a model in the object store, and its predictions in memory."""
    for name, value in stranger.tracking_token(endpoints).items():
        monkeypatch.setenv(name, value)
    trained = LinearRegression().fit(np.eye(4), [1.0, 2.0, 3.0, 4.0])
    mlflow.set_tracking_uri(endpoints.localhost_url)
    mlflow.set_experiment("conformance-kserve")
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(trained, name="model", input_example=_ROWS)  # pyright: ignore[reportPrivateImportUsage]
    location = storage_uri(info.artifact_path, endpoints.artifacts_destination)
    return location, trained.predict(_ROWS).tolist()


def test_kserve_client(endpoints: Endpoints, model: tuple[str, list[float]], tmp_path: Path) -> None:
    release = versions.upstream_version("kserve", "github.com/kserve/kserve")
    location, predictions = model
    finished = subprocess.run(
        [
            str(cache_root() / "tools" / "bin" / "uv"),
            "run",
            "--no-project",
            f"--with=kserve=={release.removeprefix('v')}",
            # kserve bounds it from below alone, and does not work with the models of later releases.
            f"--with=kubernetes=={versions.python_version('kubernetes')}",
            str(Path(conformance.__file__).with_name("kserve_session.py")),
            endpoints.models_namespace,
            location,
            endpoints.gateway_url,
            endpoints.gateway_domain,
        ],
        cwd=tmp_path,
        # The machine's settings of its package index stay; those of this repository do not.
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("PLINTH_", "PYTHON"))},
            "KUBECONFIG": endpoints.kubeconfig,
            "TOKEN": tokens.token(endpoints),
        },
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, (finished.stderr.strip().splitlines() or ["no output"])[-1]
    assert json.loads(finished.stdout.splitlines()[-1].replace("'", '"'))["predictions"] == predictions
