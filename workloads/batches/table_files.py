"""Tables in the object store: fetched with their digest, and written whole or not at all.

Embedded in the step that predicts tables, so it imports nothing of this repository.
"""

# boto3 ships no types.
# pyright: basic, reportTypedDictNotRequiredAccess=false

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import boto3
from botocore.exceptions import ClientError

FORMATS = {"data": (".csv", ".tsv", ".parquet"), "output": (".csv", ".parquet")}
LARGEST = 4 * 1024**3
"""A table and its predictions are on the node's disk while the step runs."""
_PART_BYTES = 1 << 20


def address(uri: str, what: str, *, local: bool) -> tuple[str, str]:
    """Return the bucket and the key of an address; of a file on the machine of a local run, only its path.

    Args:
        uri: s3://bucket/key, or file:///path.
        what: data or output.
        local: Whether the run is on this machine, where there is no object store.

    Raises:
        ValueError: it is no address of a table.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if rest.lower().endswith(FORMATS[what]) and key:
        if scheme == "s3" and bucket and not local:
            return bucket, key
        if scheme == "file" and not bucket and local:
            return "", url2pathname(f"/{key}")
    give = "a path that ends with" if local else "s3://bucket/key with"
    raise ValueError(
        f"{what} {uri}: no table that this run can reach; give {give} {' or '.join(FORMATS[what])}"
    )


def fetch(uri: str, folder: Path, store: Any) -> tuple[Path, str]:
    """Return a copy of a table in a folder, with the suffix of its format, and its SHA-256.

    Args:
        uri: Its address.
        folder: Where to copy it to.
        store: Client of the object store; None for a file.

    Raises:
        ValueError: it does not exist, is empty or too large.
    """
    bucket, key = address(uri, "data", local=store is None)
    copy = folder / f"data{Path(key).suffix.lower()}"
    digest = hashlib.sha256()
    try:
        if bucket:
            stored = store.get_object(Bucket=bucket, Key=key)
            size, body = stored["ContentLength"], stored["Body"]
        else:
            size, body = Path(key).stat().st_size, Path(key).open("rb")  # noqa: SIM115 - closed below
        with body, copy.open("wb") as file:
            _refuse_size(uri, size)
            while part := body.read(_PART_BYTES):
                digest.update(part)
                file.write(part)
    except (ClientError, OSError) as error:
        raise ValueError(f"data {uri}: cannot be read ({error_code(error)}); upload it there first") from None
    return copy, digest.hexdigest()


def refuse_taken(uri: str, store: Any) -> None:
    """Refuse an address where something is already.

    Raises:
        ValueError: there is, or nobody may look.
    """
    bucket, key = address(uri, "output", local=store is None)
    if bucket:
        try:
            store.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchKey"):
                return
            raise ValueError(f"output {uri}: cannot be written ({error_code(error)})") from None
    elif not Path(key).exists():
        return
    raise ValueError(f"output {uri}: exists already, and predictions are written once; give another output")


def put(path: Path, uri: str, store: Any, facts: dict[str, str]) -> str:
    """Write a table to its address, where it is seen whole or not at all; return its SHA-256.

    Args:
        path: The table.
        uri: Its address.
        store: Client of the object store; None for a file.
        facts: Where it came from, which the object keeps next to its SHA-256.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    bucket, key = address(uri, "output", local=store is None)
    if bucket:
        # In several parts if it is large; the object exists once the last request has joined them.
        store.upload_file(str(path), bucket, key, ExtraArgs={"Metadata": {**facts, "sha256": digest}})
        return digest
    draft = Path(f"{key}.draft")
    shutil.copyfile(path, draft)
    draft.replace(key)
    return digest


def store_of_steps() -> Any:
    """Return a client of the platform's object store for a step, by its environment."""
    return boto3.client(
        "s3", endpoint_url=os.environ["PLINTH_S3_ENDPOINT"], region_name=os.environ["PLINTH_S3_REGION"]
    )


def _refuse_size(uri: str, size: int) -> None:
    if not size:
        raise ValueError(f"data {uri}: an empty file; give one with a header and rows")
    if size > LARGEST:
        raise ValueError(
            f"data {uri}: {size / 1e9:.1f} GB; the limit is {LARGEST / 1e9:.1f} GB: give it in several files"
        )


def error_code(error: Exception) -> str:
    """Return what the object store or the operating system calls an error."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
