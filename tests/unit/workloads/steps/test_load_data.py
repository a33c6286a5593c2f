"""The bytes of a data set."""

import hashlib
import re
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from kfp import dsl
from moto import mock_aws
from sklearn.datasets import load_wine

from workloads.steps import load_data

LOAD: Any = load_data.load_data


@pytest.fixture
def dataset(tmp_path: Path) -> Any:
    return dsl.Dataset(uri=str(tmp_path / "data.csv"))


def test_wine_is_written_with_every_bit_of_its_numbers(dataset: Any) -> None:
    (sha256,) = LOAD.python_func(data="wine", data_sha256="", dataset=dataset)
    content = Path(dataset.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256 == dataset.metadata["sha256"]
    lines = content.decode().splitlines()
    bunch: Any = load_wine()
    assert lines[0].split(",")[:2] == ["alcohol", "malic_acid"]
    assert [float(cell) for cell in lines[1].split(",")[:-1]] == bunch.data[0].tolist()
    assert lines[1].endswith(",class_0")
    assert len(lines) == 179


def test_data_with_another_sha256_is_refused(dataset: Any) -> None:
    with pytest.raises(ValueError, match=r"data wine: has SHA-256 7ec8\w+, not 0000; it changed"):
        LOAD.python_func(data="wine", data_sha256="0000", dataset=dataset)


@pytest.mark.parametrize("data", ["whine", "", "s3://bucket", "s3://bucket/key.parquet", "/etc/passwd"])
def test_an_unknown_data_set_is_refused_with_what_is_known(dataset: Any, data: str) -> None:
    with pytest.raises(ValueError, match=r"unknown; give wine, breast_cancer or s3://bucket/key\.csv"):
        LOAD.python_func(data=data, data_sha256="", dataset=dataset)


@mock_aws
def test_a_csv_file_of_the_object_store_is_taken_unchanged(
    dataset: Any, step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_S3_ENDPOINT", "https://s3.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store: Any = boto3.client("s3", region_name="us-east-1")
    store.create_bucket(Bucket="pipelines")
    store.put_object(Bucket="pipelines", Key="data/a.csv", Body=b"x,target\r\n1,a\r\n")
    (sha256,) = LOAD.python_func(data="s3://pipelines/data/a.csv", data_sha256="", dataset=dataset)
    assert Path(dataset.path).read_bytes() == b"x,target\r\n1,a\r\n"
    assert sha256 == hashlib.sha256(b"x,target\r\n1,a\r\n").hexdigest()
    with pytest.raises(ValueError, match=r"data s3://pipelines/b\.csv: cannot be read \(NoSuchKey\); upload"):
        LOAD.python_func(data="s3://pipelines/b.csv", data_sha256="", dataset=dataset)


class _Stored(dsl.Dataset):
    """A data set as on a platform: its path is that of a file of the pod, its URI one in a bucket."""

    file: ClassVar[Path]

    def _get_path(self) -> str:
        return str(self.file)


@mock_aws
def test_on_a_platform_the_file_is_kept_by_its_content(
    step_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_S3_ENDPOINT", "https://s3.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store: Any = boto3.client("s3", region_name="us-east-1")
    store.create_bucket(Bucket="own")
    monkeypatch.setattr(_Stored, "file", step_environment / "data.csv", raising=False)
    dataset: Any = _Stored(uri="s3://own/v2/artifacts/dataset")
    with pytest.raises(ValueError, match="it changed"):
        LOAD.python_func(data="wine", data_sha256="0", dataset=dataset)
    assert "Contents" not in store.list_objects_v2(Bucket="own")
    (sha256,) = LOAD.python_func(data="wine", data_sha256="", dataset=dataset)
    (kept,) = store.list_objects_v2(Bucket="own")["Contents"]
    assert re.fullmatch("dvc/files/md5/[0-9a-f]{2}/[0-9a-f]{30}", kept["Key"])
    content = store.get_object(Bucket="own", Key=kept["Key"])["Body"].read()
    assert hashlib.sha256(content).hexdigest() == sha256
