"""Data sets in the layout of a DVC remote."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from workloads.steps.data_version import bucket_of, dvc_file, file_name, keep, key_of, md5_of

# Of RFC 1321.
_MD5 = "900150983cd24fb0d6963f7d28e17f72"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "dataset"
    made.write_bytes(b"abc")
    return made


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        client: Any = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="pipelines")
        yield client


def test_a_file_is_kept_under_its_md5(store: Any, file: Path) -> None:
    assert md5_of(file) == _MD5
    assert key_of(_MD5) == "dvc/files/md5/90/0150983cd24fb0d6963f7d28e17f72"
    keep(store, "pipelines", file)
    assert store.get_object(Bucket="pipelines", Key=key_of(_MD5))["Body"].read() == b"abc"


def test_what_is_there_is_not_written_again_and_what_was_cut_off_is(store: Any, file: Path) -> None:
    for before, after in ((b"xyz", b"xyz"), (b"ab", b"abc")):
        store.put_object(Bucket="pipelines", Key=key_of(_MD5), Body=before)
        keep(store, "pipelines", file)
        assert store.get_object(Bucket="pipelines", Key=key_of(_MD5))["Body"].read() == after


def test_a_store_that_takes_nothing_is_told_in_one_line(store: Any, file: Path) -> None:
    with pytest.raises(ValueError, match="data: cannot be kept as s3://absent/dvc/files/md5/90/015") as error:
        keep(store, "absent", file)
    assert "NoSuchBucket" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["wine.csv", "Größen: (1) #2.csv", "- a.csv", 'a"b\\c.csv', "null"])
def test_the_dvc_file_names_content_size_and_file(file: Path, name: str) -> None:
    assert yaml.safe_load(dvc_file(file, name)) == {
        "outs": [{"md5": _MD5, "size": 3, "hash": "md5", "path": name}]
    }


@pytest.mark.parametrize(
    ("uri", "bucket"),
    [
        ("s3://pipelines/v2/artifacts/x", "pipelines"),
        ("minio://pipelines/v2", "pipelines"),
        ("/tmp/local/x", ""),  # noqa: S108 - a path of Kubeflow's local runner
        ("gs://bucket/x", ""),
    ],
)
def test_the_bucket_is_that_of_the_steps_artifacts(uri: str, bucket: str) -> None:
    assert bucket_of(uri) == bucket


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("wine", "wine.csv"),
        ("s3://pipelines/a b/Sales (1).csv", "Sales (1).csv"),
        ("s3://pipelines/Größen, @2 - a'b+c=d~e&f.tsv", "Größen, @2 - a'b+c=d~e&f.tsv"),
    ],
)
def test_data_is_pulled_under_the_name_of_its_file(data: str, name: str) -> None:
    assert file_name(data) == name


@pytest.mark.parametrize("character", [*'"#%*:<>?\\|', "\t", "\n", "\x01", "\x7f", "\x85"])
def test_what_dvc_or_mlflow_read_as_more_than_a_name_is_left_out(character: str) -> None:
    assert file_name(f"s3://pipelines/a{character}b.csv") == "a_b.csv"


@pytest.mark.parametrize("first", ["-", "@", " "])
def test_no_name_begins_like_an_option_or_a_group(first: str) -> None:
    assert file_name(f"s3://pipelines/{first}a{first}b.csv") == f"_a{first}b.csv"


def test_of_a_very_long_name_the_end_is_left() -> None:
    name = file_name(f"s3://pipelines/{'ö' * 300}.csv")
    assert name == f"{'ö' * 123}.csv"
    assert len(f"{name}.dvc".encode()) <= 255
