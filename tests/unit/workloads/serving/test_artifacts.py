"""Location and digest of a model's files."""

import hashlib
from pathlib import Path

import pytest

from workloads.errors import WorkloadsError
from workloads.serving.artifacts import digest_of_files, model_digest, storage_uri

LOCATIONS = [
    ("mlflow-artifacts:/1/models/m-1/artifacts", "s3://mlflow", "s3://mlflow/1/models/m-1/artifacts"),
    ("mlflow-artifacts:/1/models/m-1/artifacts/", "s3://mlflow/", "s3://mlflow/1/models/m-1/artifacts"),
    ("mlflow-artifacts://host:5000/1/m", "s3://mlflow/prefix", "s3://mlflow/prefix/1/m"),
    ("mlflow-artifacts:/workspaces/a/1/m", "s3://mlflow", "s3://mlflow/workspaces/a/1/m"),
    ("s3://elsewhere/1/m/", "s3://mlflow", "s3://elsewhere/1/m"),
]


@pytest.mark.parametrize(("artifact_uri", "destination", "expected"), LOCATIONS)
def test_a_download_uri_becomes_one_in_the_object_store(
    artifact_uri: str, destination: str, expected: str
) -> None:
    assert storage_uri(artifact_uri, destination) == expected


def test_files_outside_s3_cannot_be_served() -> None:
    with pytest.raises(WorkloadsError, match="artifacts at /mnt/models: cannot be served"):
        storage_uri("/mnt/models", "s3://mlflow")


def test_the_digest_covers_every_name_and_byte(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "MLmodel").write_bytes(b"a")
    (tmp_path / "data" / "model.skops").write_bytes(b"b")
    expected = hashlib.sha256()
    for name, content in (("MLmodel", b"a"), ("data/model.skops", b"b")):
        expected.update(name.encode() + b"\0" + hashlib.sha256(content).hexdigest().encode() + b"\n")
    assert model_digest(tmp_path) == expected.hexdigest()
    assert digest_of_files([("data/model.skops", b"b"), ("MLmodel", b"a")]) == expected.hexdigest()
    (tmp_path / "data" / "model.skops").write_bytes(b"c")
    assert model_digest(tmp_path) != expected.hexdigest()
