from pathlib import Path
from typing import Any

import boto3
import pytest
import storage_initializer


def test_arguments_are_pairs_of_source_and_target() -> None:
    assert storage_initializer.pairs(["s3://b/m", "/mnt/models"]) == [("s3://b/m", "/mnt/models")]
    assert len(storage_initializer.pairs(["a", "b", "c", "d"])) == 2


@pytest.mark.parametrize("arguments", [[], ["s3://b/m"], ["a", "b", "c"]])
def test_an_odd_number_of_arguments_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match=f"got {len(arguments)} arguments"):
        storage_initializer.pairs(arguments)


def test_each_source_is_downloaded_to_its_folder(tmp_path: Path) -> None:
    def download(uri: str, folder: str) -> None:
        (Path(folder) / "MLmodel").write_text(uri)

    storage_initializer.copy([("s3://b/m", str(tmp_path))], download)
    assert (tmp_path / "MLmodel").read_text() == "s3://b/m"


def test_a_source_without_files_ends_the_pod_and_names_the_uri(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="s3://b/typo holds no file"):
        storage_initializer.copy([("s3://b/typo", str(tmp_path))], lambda *_: None)


def test_an_object_store_that_is_late_is_tried_eight_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in storage_initializer.RETRIES.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    config: Any = client.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 8}
