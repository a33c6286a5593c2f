"""What Alertmanager sends."""

import json
from collections.abc import Sequence
from typing import Any

BEGAN = "2026-11-30T12:00:00Z"


def alert(
    fingerprint: str = "a1", *, began: str = BEGAN, status: str = "firing", **labels: str
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {
            "alertname": "ModelInputDrift",
            "namespace": "models",
            "model_name": "wine",
            "version": "3",
            "variable": "feature/alcohol",
            "severity": "warning",
            **labels,
        },
        "annotations": {"summary": "drifted"},
        "startsAt": began,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint,
    }


def notification(*alerts: dict[str, Any]) -> bytes:
    body: dict[str, Sequence[Any] | str] = {
        "version": "4",
        "groupKey": "{}",
        "status": "firing",
        "alerts": alerts,
    }
    return json.dumps(body).encode()
