"""Digest of a model's content, independent of where its files are stored."""

import hashlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def model_digest(folder: Path) -> str:
    """Return the SHA-256 (64 hex digits) over every regular file below a folder.

    For each file in order of its POSIX relative path: the path, a zero byte, the hex SHA-256 of its bytes, a
    line feed. The training step has a copy of this function; a test compares the two.
    """
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    whole = hashlib.sha256()
    for relative in sorted(files):
        whole.update(f"{relative}\0{_file_digest(files[relative])}\n".encode())
    return whole.hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
