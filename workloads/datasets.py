"""Data sets as a user names them: read, validated and hashed before anything is submitted.

The checks are the pipeline's own steps, run in this process, so that both give the same messages.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kfp import dsl

from workloads import object_store
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.steps import load_data as load_data_step
from workloads.steps import validate_data as validate_data_step

# Each step is also available as a plain function.
_LOAD: Any = load_data_step.load_data
_VALIDATE: Any = validate_data_step.validate_data


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set that a model can be trained on."""

    data: str
    """wine, breast_cancer or s3://bucket/key.csv."""
    sha256: str
    """SHA-256 of its CSV file."""
    target: str
    """Column with the class."""

    @property
    def model_name(self) -> str:
        """Name of the model trained on it."""
        return model_name(self.data)


def model_name(data: str) -> str:
    """Return the name of the model for a data set: a DNS label short enough for KServe's names."""
    stem = data.rpartition("/")[2].removesuffix(".csv").lower()
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:40].strip("-")
    return name if name[:1].isalpha() else f"model-{name}".rstrip("-")


def prepare(endpoints: Endpoints, data: str, target: str) -> Dataset:
    """Read a data set and raise the errors that the pipeline would raise."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        artifact: Any = dsl.Dataset(uri=str(path))
        try:
            if data.startswith("s3://"):
                path.write_bytes(_read_stored(endpoints, data))
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                sha256 = _LOAD.python_func(data=data, data_sha256="", dataset=artifact)[0]
            _VALIDATE.python_func(dataset=artifact, data_sha256=sha256, target=target)
        except ValueError as error:
            raise WorkloadsError(str(error)) from None
    return Dataset(data=data, sha256=sha256, target=target)


def _read_stored(endpoints: Endpoints, data: str) -> bytes:
    bucket, _, key = data.removeprefix("s3://").partition("/")
    if not bucket or not key.endswith(".csv"):
        raise WorkloadsError(f"data {data}: not a CSV file; give s3://bucket/key.csv")
    try:
        return object_store.pipelines_store(endpoints).get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        raise WorkloadsError(
            f"data {data}: cannot be read ({code}); upload the CSV file there first"
        ) from None
    except BotoCoreError as error:
        raise WorkloadsError(
            f"data {data}: the object store does not answer ({error}); is the platform up?"
        ) from None
