"""Files in a bucket that clients cannot reach pass through the tracking server."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import boto3
import mlflow.store.artifact.artifact_repository_registry as registry
import proxied_artifacts
import pytest
from mlflow.store.artifact.artifact_repo import MultipartDownloadMixin, MultipartUploadMixin
from moto import mock_aws
from proxied_artifacts import ProxiedArtifactRepository

from components.tracking.mlflow_tracking import destination
from tests.unit.components import sample

_PART = 8 << 20


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an object store with one empty bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client: Any = boto3.client("s3")
        client.create_bucket(Bucket="mlflow")
        yield client


def test_mlflow_finds_it_under_its_scheme() -> None:
    found = registry.get_artifact_repository(destination(sample.artifacts()))
    assert isinstance(found, ProxiedArtifactRepository)


def test_it_can_sign_nothing() -> None:
    # What MLflow asks for before it offers clients addresses in the store.
    assert not issubclass(ProxiedArtifactRepository, MultipartDownloadMixin | MultipartUploadMixin)


@pytest.mark.parametrize("size", [0, 1, _PART, 2 * _PART + 1])
def test_an_upload_in_chunks_is_stored_byte_for_byte(store: Any, size: int) -> None:
    content = os.urandom(size)

    async def chunks() -> AsyncIterator[bytes]:
        yield b""
        for start in range(0, size, 65_537):
            yield content[start : start + 65_537]

    repository = ProxiedArtifactRepository("proxied-s3://mlflow/root")
    asyncio.run(repository.log_artifact_from_async_stream(chunks(), "a/block.json", "tief/ä"))
    found = store.get_object(Bucket="mlflow", Key="root/tief/ä/block.json")
    assert found["Body"].read() == content
    assert found["ContentType"] == "application/json"


def test_an_upload_that_breaks_off_stores_nothing(store: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(_PART + 1)
        raise ConnectionResetError("the client is gone")

    repository = ProxiedArtifactRepository("proxied-s3://mlflow")
    with pytest.raises(ConnectionResetError, match="the client is gone"):
        asyncio.run(repository.log_artifact_from_async_stream(chunks(), "block.bin"))
    assert "Contents" not in store.list_objects_v2(Bucket="mlflow")
    assert "Uploads" not in store.list_multipart_uploads(Bucket="mlflow")


def test_files_are_listed_fetched_and_deleted(store: Any, tmp_path: Path) -> None:
    del store
    repository = ProxiedArtifactRepository("proxied-s3://mlflow/root")
    source = tmp_path / "source"
    (source / "tief").mkdir(parents=True)
    (source / "tief" / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    repository.log_artifact(str(tmp_path / "a.txt"), "one")
    repository.log_artifacts(str(source), "one")
    assert [(each.path, each.is_dir) for each in repository.list_artifacts("one")] == [
        ("one/a.txt", False),
        ("one/tief", True),
    ]
    target = tmp_path / "target"
    target.mkdir()
    fetched = Path(repository.download_artifacts("one", str(target)))
    assert (fetched / "a.txt").read_text() == "a"
    assert (fetched / "tief" / "b.txt").read_text() == "b"
    repository.delete_artifacts("one/tief")
    assert [each.path for each in repository.list_artifacts("one")] == ["one/a.txt"]


def test_the_server_offers_its_clients_no_addresses_in_the_store(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    del store
    from mlflow.server import handlers

    offered: dict[str, tuple[bool, bool]] = {}
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    monkeypatch.setattr(handlers, "_get_tracking_store", lambda: None)
    for scheme in (proxied_artifacts.SCHEME, "s3"):
        monkeypatch.setattr(handlers, "_artifact_repo", None)
        monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", f"{scheme}://mlflow")
        info = handlers.build_server_info_payload()
        offered[scheme] = (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"])
    assert offered == {proxied_artifacts.SCHEME: (False, False), "s3": (True, True)}
