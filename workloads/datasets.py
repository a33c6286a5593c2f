"""Data sets as a user names them: read, validated and hashed before anything is submitted.

The checks are the pipeline's own, run in this process, so that both give the same messages.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from kfp import dsl

from workloads import object_store
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.model_names import checked, model_name
from workloads.steps import load_data as load_data_step
from workloads.steps.csv_table import MOST_BYTES, survey

__all__ = ["Dataset", "model_name", "prepare"]

# Each step is also available as a plain function.
_LOAD: Any = load_data_step.load_data
_COMPRESSED: Final = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set that a model can be trained on."""

    data: str
    """wine, breast_cancer or s3://bucket/key.csv."""
    sha256: str
    """SHA-256 of its CSV file."""
    target: str
    """Column with the class, or the quantity."""
    name: str = ""
    """Name that the user chose for its model."""
    task: str = "auto"
    """classification, regression, or auto: as the target's values say."""
    learns: str = ""
    """classification or regression, as its values say; empty if nobody has looked at them."""
    understood: str = ""
    """How its file was read, in one line."""

    @property
    def model_name(self) -> str:
        """Name of the model trained on it."""
        return self.name or model_name(self.data)


def prepare(endpoints: Endpoints, data: str, target: str, *, name: str = "", task: str = "auto") -> Dataset:
    """Read a data set and raise the errors that the pipeline would raise."""
    if name:
        checked(name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        try:
            if data.startswith("s3://"):
                _fetch(endpoints, data, path)
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                artifact: Any = dsl.Dataset(uri=str(path))
                sha256 = _LOAD.python_func(data=data, data_sha256="", dataset=artifact)[0]
            found = survey(path, target, task)
        except ValueError as error:
            raise WorkloadsError(str(error)) from None
    return Dataset(
        data=data,
        sha256=sha256,
        target=target,
        name=name,
        task=task,
        learns=found.task,
        understood=found.understood(),
    )


def _fetch(endpoints: Endpoints, data: str, path: Path) -> None:
    """Copy a file of the object store, in parts: it may be larger than what this process should take."""
    bucket, _, key = data.removeprefix("s3://").partition("/")
    if key.lower().endswith(_COMPRESSED):
        raise WorkloadsError(f"data {data}: is compressed; unpack it and give s3://bucket/key.csv")
    if not bucket or not key.lower().endswith((".csv", ".tsv")):
        raise WorkloadsError(f"data {data}: not a CSV file; give s3://bucket/key.csv")
    try:
        stored = object_store.pipelines_store(endpoints).get_object(Bucket=bucket, Key=key)
        size = int(stored.get("ContentLength", 0))
        if size > MOST_BYTES:
            raise WorkloadsError(
                f"data {data}: {size / 1e6:.0f} MB; the limit is {MOST_BYTES / 1e6:.0f} MB: "
                "give fewer rows or columns"
            )
        with path.open("wb") as file:
            shutil.copyfileobj(stored["Body"], file, 1 << 20)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        raise WorkloadsError(
            f"data {data}: cannot be read ({code}); upload the CSV file there first"
        ) from None
    except BotoCoreError as error:
        raise WorkloadsError(
            f"data {data}: the object store does not answer ({error}); is the platform up?"
        ) from None
