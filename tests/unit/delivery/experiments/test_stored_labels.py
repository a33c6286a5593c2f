"""Labels and requests in a store: which files are read, and for which version."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.experiments.stored_labels import Side, StoredLabels
from delivery.experiments.tally import Tally
from tests.unit.delivery.experiments.labelled import SETTINGS, answered
from tests.unit.workloads.retraining.feedback import label
from workloads.serving import payload_objects
from workloads.serving.experiment_request import Metric

_SIDE = Side(version="7", classes=("low", "high"))


class _Counted:
    """Counts requests on their way to a tally."""

    def __init__(self, tally: Tally) -> None:
        self.tally, self.requests = tally, 0

    def add_label(self, line: bytes) -> None:
        raise AssertionError("labels go to the tally itself")

    def add_request(self, line: bytes) -> None:
        self.requests += 1
        self.tally.add_request(line)

    def count_broken_file(self) -> None:
        self.tally.count_broken_file()


def _read(tally: Tally, begin: datetime) -> int:
    counted = _Counted(tally)
    window = (begin, begin + timedelta(hours=1))
    StoredLabels(SETTINGS).read("models", "wine", window, tally, (_SIDE,), counted)
    return counted.requests


def test_requests_may_be_looked_at_on_their_way_and_are_read_only_if_there_are_labels(
    payloads_bucket: Any,
) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=30)
    for version in ("7", "77"):
        key = payload_objects.key("models", "wine", version, begin, "pod", 2)
        content = b"".join(answered(each, [0.75, 0.25], at=begin.isoformat()) for each in "ab")
        payloads_bucket.put_object(Bucket="payloads", Key=key, Body=gzip.compress(content))
    assert _read(Tally(Metric.ACCURACY, begin), begin) == 0
    payloads_bucket.put_object(Bucket="payloads", Key="models/wine/labels/a.jsonl", Body=label("a", "low"))
    tally = Tally(Metric.ACCURACY, begin)
    assert _read(tally, begin) == 2
    found = tally.answered()
    assert (found.rows, found.wrong_rows) == (1, 0)
