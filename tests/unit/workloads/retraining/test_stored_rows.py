"""Which objects of the bucket belong to a window of a model."""

import gzip
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit.workloads.retraining.feedback import label, request
from workloads.retraining.labelled_rows import LabelledRows
from workloads.retraining.stored_rows import read_labels, read_requests, window_of

WINDOW = (datetime(2026, 11, 30, 11, 30, tzinfo=UTC), datetime(2026, 11, 30, 13, tzinfo=UTC))
PLACE = "s3://payloads/models"


@pytest.fixture
def store() -> Generator[Any]:
    with mock_aws():
        client: Any = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
        )
        client.create_bucket(Bucket="payloads")
        yield client


def put(store: Any, key: str, *lines: bytes) -> None:
    body = b"".join(lines)
    store.put_object(Bucket="payloads", Key=key, Body=gzip.compress(body) if key.endswith(".gz") else body)


def read(store: Any, model_name: str = "wine") -> LabelledRows:
    found = LabelledRows(*WINDOW)
    read_labels(store, PLACE, model_name, found)
    read_requests(store, PLACE, model_name, WINDOW, found)
    return found


def test_labels_of_any_file_meet_the_requests_of_every_version(store: Any) -> None:
    put(store, "models/wine/labels/monday.jsonl", label("a", "x"), b"\n", label("b", "y"))
    put(store, "models/wine/labels/2026/11/30/more.jsonl.gz", label("c", "z"))
    put(store, "models/wine/v1/2026/11/30/12/pod-0000000001.jsonl.gz", request("a", [1, "r"]))
    put(store, "models/wine/v12/2026/11/30/12/pod-0000000001.jsonl.gz", request("b", [2, "r"]))
    # Pulled an hour after it was answered.
    put(store, "models/wine/v1/2026/11/30/14/pod-0000000002.jsonl.gz", request("c", [3, "r"]))
    assert [(each.identity, each.label) for each in read(store).rows] == [
        ("a:0", "x"),
        ("c:0", "z"),
        ("b:0", "y"),
    ]


@pytest.mark.parametrize(
    "key",
    [
        "models/wine/v1/2026/11/30/10/pod-1.jsonl.gz",
        "models/wine/v1/2026/12/02/00/pod-1.jsonl.gz",
        "models/wines/v1/2026/11/30/12/pod-1.jsonl.gz",
        "research/wine/v1/2026/11/30/12/pod-1.jsonl.gz",
        "models/wine/labels/v1/2026/11/30/12/pod-1.jsonl.gz",
    ],
)
def test_objects_of_other_hours_models_and_namespaces_are_not_read(store: Any, key: str) -> None:
    put(store, "models/wine/labels/a.jsonl", label("a", "x"))
    put(store, key, request("a", [1, "r"]))
    assert read(store).rows == []


def test_a_model_may_be_called_labels(store: Any) -> None:
    put(store, "models/labels/labels/a.jsonl", label("a", "x"))
    put(store, "models/labels/v1/2026/11/30/12/pod-1.jsonl.gz", request("a", [1, "r"]))
    assert read(store, "labels").said() == "1 labelled rows"


def test_a_broken_file_is_counted_and_the_others_are_read(store: Any) -> None:
    store.put_object(Bucket="payloads", Key="models/wine/labels/0.jsonl.gz", Body=b"no gzip")
    whole = gzip.compress(label("a", "x") * 1000)
    store.put_object(Bucket="payloads", Key="models/wine/labels/1.jsonl.gz", Body=whole[: len(whole) // 2])
    put(store, "models/wine/labels/2.jsonl", label("a", "x"))
    put(store, "models/wine/v1/2026/11/30/12/pod-1.jsonl.gz", request("a", [1, "r"]))
    found = read(store)
    assert len(found.rows) == 1
    assert "2 files that cannot be read" in found.said()


def test_a_bucket_that_is_closed_or_missing_is_one_line(store: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^payloads s3://none/models/wine/labels/: cannot be listed \(NoSuch"
    ):
        read_labels(store, "s3://none/models", "wine", LabelledRows(*WINDOW))


def test_a_window_is_of_seven_days_unless_somebody_says_more() -> None:
    first, last = window_of("", "2026-11-30T12:00:00Z")
    assert (last - first).days == 7
    assert abs((window_of("", "")[1] - datetime.now(UTC)).total_seconds()) < 60
    assert window_of("2026-11-30", "2026-12-01T02:00:00+02:00") == (
        datetime(2026, 11, 30, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        ("yesterday", "", r"^begin 'yesterday': no time; give ISO 8601 such as"),
        ("", "soon", r"^end 'soon': no time"),
        ("2026-11-30", "2026-11-30", r"^window: begins 2026-11-30T00:00:00\+00:00, not before its end"),
    ],
)
def test_a_window_that_is_none_is_one_line(begin: str, end: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        window_of(begin, end)


def test_one_version_is_read_alone_and_labels_that_were_written_before_are_left_out(store: Any) -> None:
    put(store, "models/wine/labels/monday.jsonl", label("a", "x"), label("b", "y"))
    put(store, "models/wine/v1/2026/11/30/12/pod-0000000001.jsonl.gz", request("a", [1, "r"]))
    put(store, "models/wine/v12/2026/11/30/12/pod-0000000001.jsonl.gz", request("b", [2, "r"]))
    found = LabelledRows(*WINDOW)
    read_labels(store, PLACE, "wine", found, datetime.now(UTC) + timedelta(hours=1))
    assert found.labels == 0
    read_labels(store, PLACE, "wine", found, datetime.now(UTC) - timedelta(hours=1))
    read_requests(store, PLACE, "wine", WINDOW, found, "1")
    assert [each.identity for each in found.rows] == ["a:0"]
