"""Recorded requests with answers, and experiments, for tests."""

import json
from collections.abc import Sequence
from typing import Any

from delivery.experiments.records import Arm, Measured
from delivery.payloads.settings import PayloadSettings
from delivery.statistics.experiment import Sample
from workloads.serving.experiment_request import Experiment, Metric

SETTINGS = PayloadSettings(
    bucket="payloads", endpoint="https://s3.us-east-1.amazonaws.com", region="us-east-1", keep_days=None
)
"""Of the fixture `payloads_bucket`."""
NOON = "2026-11-30T12:00:00.000Z"
ASKED = Experiment(metric=Metric.ACCURACY, minimum_effect=0.05, max_seconds=3600)


def answered(identity: str, *rows: Sequence[float], at: str = NOON, unit: str = "") -> bytes:
    """Return the line of a request, with the answer to each of its rows."""
    event: dict[str, Any] = {"eventId": identity, "inferenceTime": at}
    if unit:
        event["customAttributes"] = [f"unit={unit}"]
    given = {"dataframe_split": {"columns": ["a"], "data": [[0.0]] * len(rows)}}
    captured = {
        "endpointInput": {"data": json.dumps(given), "encoding": "JSON"},
        "endpointOutput": {"data": json.dumps({"predictions": rows}), "encoding": "JSON"},
    }
    return json.dumps({"captureData": captured, "eventMetadata": event}).encode() + b"\n"


def right(ones: int, rows: int) -> Arm:
    """Return the rows of a version that was right about so many of them, each a unit."""
    return Arm(rows=rows, sample=Sample(units=rows, total=ones, total_of_squares=ones))


def measured(new: tuple[int, int], former: tuple[int, int], **changes: Any) -> Measured:
    """Return what is measured of both versions: how often each was right, and of how many rows."""
    return Measured(challenger=right(*new), champion=right(*former), **changes)
