"""Experiments in a store: labels and requests of both versions, from its beginning on."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.experiments.stored_experiments import StoredExperiments
from delivery.experiments.stored_labels import Side, StoredLabels
from tests.unit.delivery.experiments.labelled import SETTINGS, answered
from tests.unit.workloads.retraining.feedback import label
from workloads.serving import payload_objects
from workloads.serving.experiment_request import Metric

_NEW, _FORMER = (
    Side(version=each, classes=("low", "high"), is_challenger=each == "7") for each in ("7", "6")
)


def _record(store: Any, version: str, when: datetime, *names: str, right: bool = True) -> None:
    answer = [0.75, 0.25] if right else [0.25, 0.75]
    content = b"".join(answered(each, answer, at=when.isoformat()) for each in names)
    key = payload_objects.key("models", "wine", version, when, f"pod{names[0]}", len(names))
    store.put_object(Bucket="payloads", Key=key, Body=gzip.compress(content))


def test_rows_of_both_versions_since_the_beginning_are_measured(payloads_bucket: Any) -> None:
    now = datetime.now(UTC)
    begin = now - timedelta(minutes=30)
    _record(payloads_bucket, "7", now, "a", "b")
    _record(payloads_bucket, "6", now, "c", right=False)
    _record(payloads_bucket, "6", begin - timedelta(minutes=1), "before")
    # Of other versions, though their numbers begin alike.
    _record(payloads_bucket, "77", now, "d")
    _record(payloads_bucket, "5", now, "e")
    labels = b"".join(label(each, "low") for each in ("a", "b", "c", "d", "e", "before"))
    payloads_bucket.put_object(Bucket="payloads", Key="models/wine/labels/a.jsonl", Body=labels)
    payloads_bucket.put_object(Bucket="payloads", Key="models/wine/labels/b.jsonl.gz", Body=b"no gzip")
    found = StoredExperiments(StoredLabels(SETTINGS)).measure(
        "models", "wine", Metric.ACCURACY, (begin, now), challenger=_NEW, champion=_FORMER
    )
    assert (found.challenger.rows, found.challenger.mean) == (2, 1.0)
    assert (found.champion.rows, found.champion.mean) == (1, 0.0)
    assert found.left_out == "left out: 3 labels of no row in the window, 1 files that cannot be read"


def test_labels_that_were_written_long_before_it_began_are_of_other_requests(payloads_bucket: Any) -> None:
    payloads_bucket.put_object(Bucket="payloads", Key="models/wine/labels/a.jsonl", Body=label("a", "low"))
    begin = datetime.now(UTC) + timedelta(hours=2)
    _record(payloads_bucket, "7", begin, "a")
    window = (begin, begin + timedelta(hours=1))
    found = StoredExperiments(StoredLabels(SETTINGS)).measure(
        "models", "wine", Metric.ACCURACY, window, challenger=_NEW, champion=_FORMER
    )
    assert (found.challenger.rows, found.left_out) == (0, "")


def test_a_store_that_does_not_answer_is_an_error_in_one_line(payloads_bucket: Any) -> None:
    payloads_bucket.delete_bucket(Bucket="payloads")
    window = (datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    with pytest.raises(ValueError, match=r"^payloads s3://payloads/models/wine/labels/: cannot be listed"):
        StoredExperiments(StoredLabels(SETTINGS)).measure(
            "models", "wine", Metric.ACCURACY, window, challenger=_NEW, champion=_FORMER
        )
