"""The data of a run is kept by its content: DVC, installed as its users do, pulls it through the gateway."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from harness import chain
from tests.fixtures import dvc
from workloads import cluster_client, object_store, pipeline_runs
from workloads.contract import OBJECT_STORE_SECRET
from workloads.endpoints import Endpoints
from workloads.gateway_access import authorities
from workloads.steps.data_version import key_of
from workloads.tracking import connect

# Trains a model, and installs a hundred packages.
pytestmark = pytest.mark.slow

_MODEL = "wine"


def test_the_data_of_a_run_can_be_pulled_although_nobody_has_the_table(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    run = chain.run(endpoints, _MODEL, candidate=True)
    assert run.state == pipeline_runs.SUCCEEDED
    mlflow = connect(endpoints)
    newest = mlflow.get_model_version(_MODEL, str(max(chain.versions(endpoints, _MODEL))))
    file = Path(mlflow.download_artifacts(str(newest.run_id), "data/wine.csv.dvc", str(tmp_path)))
    (out,) = yaml.safe_load(file.read_text())["outs"]
    store = object_store.pipelines_store(endpoints)
    kept = store.get_object(Bucket=endpoints.pipelines_bucket, Key=key_of(out["md5"]))["Body"].read()
    sha256 = newest.tags["data.sha256"]
    assert (len(kept), hashlib.sha256(kept).hexdigest()) == (out["size"], sha256)
    pulled = _pulled(endpoints, file, tmp_path)
    assert hashlib.sha256(pulled).hexdigest() == sha256


def _pulled(endpoints: Endpoints, file: Path, folder: Path) -> bytes:
    program = dvc.install(folder / "dvc")
    project = folder / "project"
    project.mkdir()
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    secret = api.read_namespaced_secret(OBJECT_STORE_SECRET, endpoints.pipelines_namespace).data
    keys = [base64.b64decode(secret[name]).decode() for name in ("accesskey", "secretkey")]
    secure = endpoints.gateway_url.startswith("https:")
    environment = {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
    if secure:
        environment["AWS_CA_BUNDLE"] = authorities(endpoints)
    else:
        environment |= {"http_proxy": endpoints.gateway_url, "no_proxy": ""}
    host = endpoints.objects_host
    return dvc.pull(
        program,
        project,
        file,
        bucket=endpoints.pipelines_bucket,
        endpoint=endpoints.url(host) if secure else f"http://{host}",
        environment=environment,
    )
