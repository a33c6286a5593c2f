"""DVC itself pulls what the steps of a pipeline keep, through a gateway that routes by host."""

import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.fixtures import dvc
from workloads.steps import data_version

# Installs a hundred packages.
pytestmark = pytest.mark.slow

_KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
_DATA = "größe,target\r\n1,a\r\n2,b\r\n".encode()
_NAME = "Größen: (1) #2.csv"


@pytest.fixture
def object_store() -> Generator[str]:
    """URL of an object store, which takes requests for any host as a proxy does, like the gateway."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def test_dvc_pulls_the_very_bytes_of_a_run(object_store: str, tmp_path: Path) -> None:
    program = dvc.install(tmp_path / "dvc")
    client: Any = boto3.client(
        "s3",
        endpoint_url=object_store,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket="pipelines")
    dataset = tmp_path / "dataset"
    dataset.write_bytes(_DATA)
    data_version.keep(client, "pipelines", dataset)
    file = tmp_path / f"{_NAME}.dvc"
    file.write_text(data_version.dvc_file(dataset, _NAME))
    project = tmp_path / "project"
    project.mkdir()
    pulled = dvc.pull(
        program,
        project,
        file,
        bucket="pipelines",
        endpoint="http://objects.plinth.localhost",
        environment={**_KEYS, "http_proxy": object_store, "no_proxy": ""},
    )
    assert hashlib.sha256(pulled).digest() == hashlib.sha256(_DATA).digest()
