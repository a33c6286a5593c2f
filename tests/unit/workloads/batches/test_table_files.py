"""Addresses of tables, and files on the machine of a local run."""

import hashlib
from pathlib import Path

import pytest

from workloads.batches import table_files
from workloads.batches.table_files import address, fetch, put, refuse_taken


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://b/a/table #1?.csv", ("b", "a/table #1?.csv")),
        ("s3://b/a.PARQUET", ("b", "a.PARQUET")),
        ("file:///tmp/a%20b.tsv", ("", "/tmp/a b.tsv")),  # noqa: S108 - nothing is read
    ],
)
def test_an_address_is_a_bucket_and_a_key_or_a_path(uri: str, place: tuple[str, str]) -> None:
    assert address(uri, "data", local=not place[0]) == place


@pytest.mark.parametrize(
    ("uri", "what", "local", "advice"),
    [
        *(
            (uri, "data", False, "s3://bucket/key with .csv or .tsv or .parquet")
            for uri in ("wine", "s3://b", "")
        ),
        ("s3://b/a.xlsx", "data", False, "s3://bucket/key with .csv or .tsv or .parquet"),
        ("https://x/a.csv", "data", False, "s3://bucket/key with .csv or .tsv or .parquet"),
        ("file:///a.csv", "data", False, "s3://bucket/key with .csv or .tsv or .parquet"),
        ("s3://b/a.tsv", "output", False, "s3://bucket/key with .csv or .parquet"),
        ("s3://b/a.csv", "output", True, "a path that ends with .csv or .parquet"),
        ("file://host/a.csv", "data", True, "a path that ends with .csv or .tsv or .parquet"),
    ],
)
def test_what_a_run_cannot_reach_is_refused(uri: str, what: str, local: bool, advice: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        address(uri, what, local=local)
    assert str(refused.value) == f"{what} {uri}: no table that this run can reach; give {advice}"


def test_a_file_is_fetched_with_its_digest_and_put_once(tmp_path: Path) -> None:
    given = tmp_path / "a b.CSV"
    given.write_bytes(b"x\n1\n")
    copy, sha256 = fetch(given.as_uri(), tmp_path, None)
    assert (copy.name, copy.read_bytes()) == ("data.csv", b"x\n1\n")
    assert sha256 == hashlib.sha256(b"x\n1\n").hexdigest()
    output = (tmp_path / "out.csv").as_uri()
    refuse_taken(output, None)
    assert put(copy, output, None, {}) == sha256
    assert (tmp_path / "out.csv").read_bytes() == b"x\n1\n"
    assert not (tmp_path / "out.csv.draft").exists()
    with pytest.raises(ValueError, match=r"out\.csv: exists already, and predictions are written once"):
        refuse_taken(output, None)


def test_a_file_that_is_absent_empty_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.csv"
    with pytest.raises(
        ValueError, match=r"a\.csv: cannot be read \(FileNotFoundError\); upload it there first"
    ):
        fetch(file.as_uri(), tmp_path, None)
    file.write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.csv: an empty file; give one with a header and rows"):
        fetch(file.as_uri(), tmp_path, None)
    monkeypatch.setattr(table_files, "LARGEST", 1)
    file.write_bytes(b"x\n1\n")
    with pytest.raises(ValueError, match=r"a\.csv: 0\.0 GB; the limit is 0\.0 GB: give it in several files"):
        fetch(file.as_uri(), tmp_path, None)
