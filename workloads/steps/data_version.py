"""Data sets in the layout of a DVC remote, so that `dvc pull` brings the very data of a run.

Embedded in the steps that load data and train on it.
"""

# boto3 ships no complete types.
# pyright: basic, reportTypedDictNotRequiredAccess=false

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "dvc"
"""Folder of the pipelines' bucket that is the remote."""
_MISSING: Final = ("404", "NoSuchKey", "NotFound")
# To DVC a stage's name follows a colon, a leading hyphen begins an option, and a leading @ what belongs to a
# stage. MLflow drops what follows # and ?, decodes %, and strips spaces. YAML takes no control characters,
# Windows none of the others.
_NO_PART_OF_A_NAME: Final = re.compile(r'^[-@\s]|[\x00-\x1f\x7f-\x9f"#%*:<>?\\|]')
# With .dvc after it, a name may have 255 bytes.
_NAME_BYTES: Final = 251


def bucket_of(uri: str) -> str:
    """Return the bucket of an artifact of Kubeflow; empty where artifacts are files of this machine."""
    scheme, _, rest = uri.partition("://")
    return rest.partition("/")[0] if scheme in ("s3", "minio") else ""


def md5_of(file: Path) -> str:
    """Return the MD5 of a file as hexadecimal digits: it names data there, and proves nothing."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def key_of(md5: str) -> str:
    """Return the key of a file in the remote, by DVC 3."""
    return f"{FOLDER}/files/md5/{md5[:2]}/{md5[2:]}"


def dvc_file(file: Path, name: str) -> str:
    """Return the content of the .dvc file with which `dvc pull` writes a file under a name."""
    # A text in JSON is one in YAML, whatever it holds.
    path = json.dumps(name, ensure_ascii=False)
    return f"outs:\n- md5: {md5_of(file)}\n  size: {file.stat().st_size}\n  hash: md5\n  path: {path}\n"


def file_name(data: str) -> str:
    """Return the name under which `dvc pull` writes a data set.

    It is that of its file, with `_` for what DVC, MLflow or a file system take for more than a name, and no
    more than the end of a very long one.
    """
    end = data.rpartition("/")[2].encode()[-_NAME_BYTES:].decode(errors="ignore")
    name = _NO_PART_OF_A_NAME.sub("_", end)
    return name if "." in name else f"{name}.csv"


def keep(store: Any, bucket: str, file: Path) -> None:
    """Put a file into the remote, unless it is there.

    Args:
        store: S3 client.
        bucket: Bucket of the pipelines.
        file: The data set.

    Raises:
        ValueError: the object store does not take it; one line.
    """
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import ClientError

    key = key_of(md5_of(file))
    try:
        try:
            if store.head_object(Bucket=bucket, Key=key)["ContentLength"] == file.stat().st_size:
                return
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
        store.upload_file(str(file), bucket, key)
    except (ClientError, S3UploadFailedError) as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"data: cannot be kept as s3://{bucket}/{key} ({said})") from None
