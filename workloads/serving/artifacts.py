"""Files of a model version: their location in the object store, and their digest.

Embedded in the steps that translate locations.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from workloads.errors import WorkloadsError


def storage_uri(artifact_uri: str, destination: str) -> str:
    """Translate the download URI of a model version to the URI in the object store.

    Args:
        artifact_uri: What MLflow's get_model_version_download_uri returns: mlflow-artifacts:/P where the
            server proxies artifacts, s3://bucket/P where it does not.
        destination: The server's --artifacts-destination, such as s3://bucket.
    """
    scheme, _, rest = artifact_uri.partition(":")
    if scheme == "mlflow-artifacts":
        path = rest.removeprefix("//").partition("/")[2] if rest.startswith("//") else rest.lstrip("/")
        return f"{destination.rstrip('/')}/{path.rstrip('/')}"
    if scheme == "s3":
        return artifact_uri.rstrip("/")
    raise WorkloadsError(f"artifacts at {artifact_uri}: cannot be served; MLflow must store them in S3")


def digest_of_files(files: Iterable[tuple[str, bytes]]) -> str:
    """Return a model's digest from the names of its files, relative to its folder, and their bytes."""
    lines = hashlib.sha256()
    for name, content in sorted(files):
        lines.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return lines.hexdigest()


def model_digest(folder: Path) -> str:
    """Return the digest of all files in a model's folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return digest_of_files((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths)
