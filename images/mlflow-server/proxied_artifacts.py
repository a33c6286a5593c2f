"""Artifacts of `mlflow server` in a bucket that clients cannot reach: all bytes pass through the server.

For a bucket, MLflow tells every client to fetch files from addresses in the object store that the server
signs. They hold the name by which the server itself reaches the store, and no setting of the server keeps it
from handing them out: it asks only whether the repository can sign. This one cannot. MLflow finds it by the
entry point beside this file, under the scheme `proxied-s3`.
"""

import asyncio
import io
import posixpath
from collections.abc import AsyncIterable, AsyncIterator
from mimetypes import guess_type
from typing import Any, BinaryIO, Final, cast

from boto3.s3.transfer import TransferConfig
from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository, StreamUploadMixin
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

SCHEME: Final = "proxied-s3"
_PART_BYTES: Final = 8 << 20
_UPLOAD: Final = TransferConfig(
    multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_concurrency=2
)
# Parts of one upload in memory; boto3's default of 10 is no argument of its TransferConfig.
_UPLOAD.max_in_memory_upload_chunks = 2


class _Pulled(io.RawIOBase):
    """A file over chunks that arrive on an event loop; a thread reads it, at the pace of its own sending."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._loop = loop
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as the current chunk reaches; 0 at the end."""
        while not self._left:
            chunk = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)


class ProxiedArtifactRepository(ArtifactRepository, StreamUploadMixin):
    """A bucket behind the server: nothing is signed, and uploads go on to the bucket as they arrive."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        self._bucket = S3ArtifactRepository(
            f"s3{artifact_uri.removeprefix(SCHEME)}", tracking_uri=tracking_uri, registry_uri=registry_uri
        )

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a file."""
        self._bucket.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Store the files of a folder."""
        self._bucket.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what lies directly under a path."""
        return self._bucket.list_artifacts(path)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete everything under a path."""
        self._bucket.delete_artifacts(artifact_path)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._bucket._download_file(remote_file_path, local_path)  # pyright: ignore[reportPrivateUsage]

    def log_artifact_from_stream(
        self, stream: BinaryIO, artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        """Store what a stream holds, without a copy on disk."""
        bucket, root = self._bucket.parse_s3_compliant_uri(self._bucket.artifact_uri)
        name = posixpath.basename(artifact_file_name)
        kind = guess_type(name)[0]
        client = self._bucket._get_s3_client()  # pyright: ignore[reportPrivateUsage]
        client.upload_fileobj(
            Fileobj=stream,
            Bucket=bucket,
            Key=posixpath.join(root, artifact_path or "", name),
            ExtraArgs={"ContentType": kind} if kind else None,
            Config=_UPLOAD,
        )

    async def log_artifact_from_async_stream(
        self, chunks: AsyncIterable[bytes], artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        """Store chunks as they arrive, without a copy on disk."""
        pulled = _Pulled(aiter(chunks), asyncio.get_running_loop())
        stream = cast("BinaryIO", io.BufferedReader(pulled))
        await asyncio.to_thread(self.log_artifact_from_stream, stream, artifact_file_name, artifact_path)
