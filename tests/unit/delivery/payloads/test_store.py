"""Batches in a bucket: stored, found again, and deleted by day."""

import gzip
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from delivery.payloads import store
from delivery.payloads.settings import PayloadSettings
from delivery.payloads.store import PayloadStore, first_kept
from delivery.version import Version
from workloads.serving import payload_objects

VERSION = Version(namespace="models", model_name="wine", number="7")
SETTINGS = PayloadSettings(bucket="payloads", endpoint="http://127.0.0.1:1", region="us-east-1", keep_days=7)
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Bucket:
    """An S3 client whose bucket is a dict, with listings of three names at once."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.error: Exception | None = None

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's names
        self._check()
        self.objects[Key] = (Body, _BEGIN + timedelta(seconds=len(self.objects)))

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._check()
        return {"Body": io.BytesIO(self.objects[Key][0])}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._check()
        below = {key[len(Prefix) :].partition("/") for key in self.objects if key.startswith(Prefix)}
        folders = sorted({f"{Prefix}{name}/" for name, slash, _ in below if slash})
        return {"CommonPrefixes": [{"Prefix": each} for each in folders]}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        self._check()
        found = [
            {"Key": key, "Size": len(body), "LastModified": when}
            for key, (body, when) in sorted(self.objects.items())
            if key.startswith(Prefix)
        ]
        yield from ({"Contents": found[at : at + 3]} for at in range(0, len(found), 3))

    def delete_objects(self, *, Delete: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self._check()
        for each in Delete["Objects"]:
            del self.objects[each["Key"]]

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr("delivery.payloads.bucket.boto3.client", lambda *_, **__: made)
    return made


def _put(found: PayloadStore, when: datetime, process: str, sequence: int, lines: int = 2) -> str:
    key = payload_objects.key("models", "wine", "7", when, process, sequence)
    found.put(key, gzip.compress(b"{}\n" * lines))
    return key


def test_the_newest_batches_are_found_across_hours_and_processes(bucket: Bucket) -> None:
    found = PayloadStore(SETTINGS)
    _put(found, datetime(2025, 12, 31, 23, tzinfo=UTC), "aa", 1)
    second = _put(found, datetime(2026, 1, 1, 0, tzinfo=UTC), "ff", 9)
    third = _put(found, datetime(2026, 1, 1, 0, tzinfo=UTC), "bb", 2)
    assert [each.name for each in found.newest(VERSION, 3)] == [second, third]
    assert [each.lines for each in found.newest(VERSION, 2)] == [2]
    assert len(found.newest(VERSION, 100)) == 3
    other = Version(namespace="models", model_name="wine", number="77")
    assert found.newest(other, 100) == []


def test_days_that_are_not_kept_are_deleted_and_nothing_else(bucket: Bucket) -> None:
    found = PayloadStore(SETTINGS)
    days = [date(2026, 2, 27) + timedelta(days=at) for at in range(4)]
    keys = [
        _put(found, datetime(each.year, each.month, each.day, 5, tzinfo=UTC), "aa", number)
        for each in days
        for number in range(4)
    ]
    found.put("labels/wine/of/somebody/else/for/ever", b"")
    kept_from = first_kept(date(2026, 3, 2), keep_days=2)
    assert kept_from == date(2026, 3, 1)
    assert found.delete_before(kept_from) == 8
    assert sorted(bucket.objects) == sorted([*keys[8:], "labels/wine/of/somebody/else/for/ever"])
    assert found.delete_before(kept_from) == 0


def test_a_day_is_kept_as_long_as_one_of_keep_days(bucket: Bucket) -> None:
    assert first_kept(date(2026, 3, 2), keep_days=1) == date(2026, 3, 2)
    assert first_kept(date(2026, 3, 2), keep_days=7) == date(2026, 2, 24)


def test_without_an_answer_a_store_gives_up_soon() -> None:
    with pytest.raises(store.FAILURES):
        PayloadStore(SETTINGS).put("k", b"")
