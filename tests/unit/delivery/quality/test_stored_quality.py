"""Labelled requests of one version in a store: from when on, and how many at most."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.experiments import tally as tally_module
from delivery.experiments.stored_labels import Side, StoredLabels
from delivery.quality import stored_quality
from delivery.quality.stored_quality import StoredQuality
from tests.unit.delivery.experiments.labelled import SETTINGS, answered
from tests.unit.workloads.retraining.feedback import label
from workloads.serving import payload_objects

_SIDE = Side(version="7", classes=("low", "high"))


@pytest.fixture
def stored(payloads_bucket: Any) -> StoredQuality:
    assert payloads_bucket
    return StoredQuality(StoredLabels(SETTINGS), None)


def _record(store: Any, when: datetime, *names: str, version: str = "7", right: bool = True) -> None:
    answer = [0.75, 0.25] if right else [0.25, 0.75]
    content = b"".join(answered(each, answer, at=when.isoformat()) for each in names)
    key = payload_objects.key("models", "wine", version, when, f"pod{names[0]}", len(names))
    store.put_object(Bucket="payloads", Key=key, Body=gzip.compress(content))
    # All of them say the same of each row.
    labels = b"".join(label(each, "low") for each in names)
    store.put_object(Bucket="payloads", Key=f"models/wine/labels/{names[0]}.jsonl", Body=labels)


def test_requests_of_the_version_since_it_serves_are_counted(
    payloads_bucket: Any, stored: StoredQuality
) -> None:
    now = datetime.now(UTC)
    begin = now - timedelta(hours=3)
    _record(payloads_bucket, now, "a", "b", right=False)
    _record(payloads_bucket, now - timedelta(hours=2), "c", "d")
    _record(payloads_bucket, begin - timedelta(minutes=1), "before", right=False)
    _record(payloads_bucket, now, "other", version="6", right=False)
    found = stored.measure("models", "wine", _SIDE, (begin, now))
    assert (found.rows, found.wrong_rows, found.requests, found.wrong) == (4, 2, 4, 2.0)
    assert not found.is_full
    assert found == stored.measure("models", "wine", _SIDE, (begin, now))


def test_without_labels_there_is_nothing_to_count(payloads_bucket: Any, stored: StoredQuality) -> None:
    now = datetime.now(UTC)
    _record(payloads_bucket, now, "a")
    payloads_bucket.delete_object(Bucket="payloads", Key="models/wine/labels/a.jsonl")
    found = stored.measure("models", "wine", _SIDE, (now - timedelta(hours=1), now))
    assert (found.rows, found.requests) == (0, 0)


def test_days_that_are_deleted_no_longer_count_not_even_in_part(payloads_bucket: Any) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    _record(payloads_bucket, midnight, "a")
    _record(payloads_bucket, midnight - timedelta(seconds=1), "b")
    _record(payloads_bucket, midnight - timedelta(days=1, seconds=1), "c")
    window = (now - timedelta(days=9), now)
    for days, rows in ((1, 1), (2, 2), (3, 3), (None, 3)):
        found = StoredQuality(StoredLabels(SETTINGS), days).measure("models", "wine", _SIDE, window)
        assert found.rows == rows


@pytest.mark.parametrize("most", ["requests", "labels"])
def test_of_more_than_one_look_reads_the_newest_part_is_counted(
    payloads_bucket: Any, stored: StoredQuality, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    now = datetime.now(UTC)
    _record(payloads_bucket, now - timedelta(hours=6), "a", "b", right=False)
    _record(payloads_bucket, now - timedelta(minutes=5), "c", "d")
    if most == "requests":
        monkeypatch.setattr(stored_quality, "MOST_REQUESTS", 3)
    else:
        monkeypatch.setattr(tally_module, "MOST_ROWS", 3)
        # Files count as of when they were written, and these were written just now: of an hour, what fits.
    found = stored.measure("models", "wine", _SIDE, (now - timedelta(hours=8), now))
    if most == "requests":
        assert (found.rows, found.wrong_rows, found.is_full) == (2, 0, False)
    else:
        assert (found.rows, found.wrong_rows, found.is_full) == (1, 0, True)


def test_of_an_hour_with_too_many_requests_those_that_fit_are_counted(
    payloads_bucket: Any, stored: StoredQuality, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    _record(payloads_bucket, now - timedelta(minutes=5), "a", "b", "c")
    monkeypatch.setattr(stored_quality, "MOST_REQUESTS", 2)
    found = stored.measure("models", "wine", _SIDE, (now - timedelta(hours=8), now))
    assert (found.rows, found.is_full) == (2, True)


def test_a_store_that_does_not_answer_is_an_error_and_holds_up_no_later_look(
    payloads_bucket: Any, stored: StoredQuality
) -> None:
    now = datetime.now(UTC)
    window = (now - timedelta(hours=1), now)
    payloads_bucket.delete_bucket(Bucket="payloads")
    with pytest.raises(ValueError, match=r"^payloads s3://payloads/models/wine/labels/: cannot be listed"):
        stored.measure("models", "wine", _SIDE, window)
    payloads_bucket.create_bucket(Bucket="payloads")
    _record(payloads_bucket, now, "a")
    assert stored.measure("models", "wine", _SIDE, window).rows == 1
