"""DVC itself pulls what a pipeline keeps: from the platform's object store, by the file on an MLflow run."""

import hashlib
import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import mlflow
import pytest
import requests
from botocore.config import Config

from components.incluster.object_store import REGION
from tests.fixtures import dvc
from tests.fixtures.mlflow_servers import mlflow_server
from tests.fixtures.ports import free_port
from upstream import build, recipe
from workloads.steps import data_version
from workloads.wait import wait_for

# Installs a hundred packages.
pytestmark = pytest.mark.slow

_KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
_DATA = "größe,target\r\n1,a\r\n2,b\r\n".encode()
_TABLE = 's3://tables/own/- Größen: (1) #2? 30%20 "a".csv'


@pytest.fixture
def object_store(tmp_path: Path) -> Generator[str]:
    """URL of the platform's object store, which takes requests for any host as a proxy, like the gateway."""
    build.build(recipe.load("versitygw"))
    folder, log = tmp_path / "buckets", tmp_path / "versitygw.log"
    folder.mkdir()
    address = f"127.0.0.1:{free_port()}"
    argv = [str(build.binary("versitygw")), f"--port={address}", f"--region={REGION}", "--health=/health"]
    keys = {"ROOT_ACCESS_KEY": _KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": _KEYS["AWS_SECRET_ACCESS_KEY"]}
    with log.open("w") as sink:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv, "--quiet", "posix", str(folder)],
            env={**os.environ, **keys},
            cwd=tmp_path,
            stdout=sink,
            stderr=sink,
        )

    def answers() -> str | None:
        assert process.poll() is None, log.read_text()
        try:
            return None if requests.get(f"http://{address}/health", timeout=5).ok else "no health"
        except requests.RequestException:
            return "does not listen"

    try:
        wait_for("the object store", answers, timeout_seconds=60, interval_seconds=0.1)
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """The .dvc file of a table, as whoever has its MLflow run gets it."""
    dataset = tmp_path / "dataset"
    dataset.write_bytes(_DATA)
    name = data_version.file_name(_TABLE)
    folder = tmp_path / "mlflow"
    folder.mkdir()
    with mlflow_server(folder) as url:
        client = mlflow.MlflowClient(url, url)
        run = client.create_run(client.create_experiment("tables")).info.run_id
        client.log_text(run, data_version.dvc_file(dataset, name), f"data/{name}.dvc")
        return Path(client.download_artifacts(run, f"data/{name}.dvc", str(tmp_path)))


def test_dvc_pulls_the_very_bytes_of_a_run(object_store: str, logged: Path, tmp_path: Path) -> None:
    program = dvc.install(tmp_path / "dvc")
    client: Any = boto3.client(
        "s3",
        endpoint_url=object_store,
        region_name=REGION,
        aws_access_key_id=_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket="pipelines")
    data_version.keep(client, "pipelines", tmp_path / "dataset")
    project = tmp_path / "project"
    project.mkdir()
    pulled = dvc.pull(
        program,
        project,
        logged,
        bucket="pipelines",
        endpoint="http://objects.plinth.localhost",
        environment={**_KEYS, "http_proxy": object_store, "no_proxy": ""},
    )
    assert hashlib.sha256(pulled).digest() == hashlib.sha256(_DATA).digest()
