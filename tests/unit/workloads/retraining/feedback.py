"""Recorded requests and labels, as the predictor and users write them."""

import json
from collections.abc import Sequence
from typing import Any

NOON = "2026-11-30T12:00:00.000Z"


def request(
    identity: str,
    *rows: Sequence[Any],
    columns: Sequence[str] = ("size", "colour"),
    at: str = NOON,
) -> bytes:
    """Return the line of a request with named features; without columns, of one whose features have none."""
    table = {"dataframe_split": {"columns": list(columns), "data": rows}} if columns else {"instances": rows}
    captured = {"data": json.dumps(table), "encoding": "JSON", "mode": "INPUT"}
    return _line(
        {
            "captureData": {"endpointInput": captured},
            "eventMetadata": {"eventId": identity, "inferenceTime": at},
            "eventVersion": "0",
        }
    )


def label(identity: str, data: Any, encoding: str = "") -> bytes:
    """Return the line of a label."""
    truth = {"data": data, **({"encoding": encoding} if encoding else {})}
    return _line({"groundTruthData": truth, "eventMetadata": {"eventId": identity}, "eventVersion": "0"})


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"
