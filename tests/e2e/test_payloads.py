"""Payloads: what the bucket has of each request is what its caller sent and got."""

import gzip
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workloads import object_store
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.gateway_access import direct_session
from workloads.serving import payload_objects
from workloads.serving.inference_services import InferenceServices
from workloads.wait import wait_for

_MODEL = "wine"
_REQUESTS = 60
_STORED_SECONDS = 60


@pytest.fixture(scope="module")
def rows() -> list[list[float]]:
    from sklearn.datasets import load_wine

    found: Any = load_wine()
    return found.data[:_REQUESTS].tolist()


def _lines(store: Any, folder: str, began: datetime) -> list[dict[str, Any]]:
    """Return the recorded requests of a version since a time."""
    found: list[dict[str, Any]] = []
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=PAYLOADS_BUCKET, Prefix=folder):
        for each in page.get("Contents", []):
            if each["LastModified"] >= began - timedelta(seconds=2):
                content = store.get_object(Bucket=PAYLOADS_BUCKET, Key=each["Key"])["Body"].read()
                found += map(json.loads, gzip.decompress(content).splitlines())
    return found


def test_every_request_is_in_the_bucket_once_as_its_caller_has_it(
    endpoints: Endpoints, rows: list[list[float]]
) -> None:
    host = endpoints.model_host(_MODEL)
    session = direct_session(endpoints, host)
    url = f"{endpoints.url(host)}/v1/models/{_MODEL}:predict"
    (version,) = InferenceServices(endpoints).weights(_MODEL)
    began = datetime.now(UTC)
    run = uuid.uuid4().hex
    got: dict[str, tuple[list[float], str]] = {}
    for at, row in enumerate(rows):
        identity = f"{run}-{at}"
        answer = session.post(url, json={"instances": [row]}, headers={"X-Request-Id": identity}, timeout=10)
        assert answer.status_code == 200, answer.text[:200]
        assert answer.headers["x-request-id"] == identity
        got[identity] = (row, answer.text)
    store = object_store.payloads_store(endpoints)
    folder = payload_objects.folder(endpoints.models_namespace, _MODEL, version)
    mine: list[dict[str, Any]] = []

    def stored() -> str | None:
        found = _lines(store, folder, began)
        mine[:] = [each for each in found if each["eventMetadata"]["eventId"].startswith(run)]
        return None if len(mine) >= len(got) else f"{len(mine)} of {len(got)} requests are stored"

    wait_for("recorded requests", stored, timeout_seconds=_STORED_SECONDS, interval_seconds=2)
    recorded = {each["eventMetadata"]["eventId"]: each["captureData"] for each in mine}
    assert len(mine) == len(recorded) == len(got)
    for identity, (row, text) in got.items():
        captured = recorded[identity]
        assert captured["endpointOutput"]["data"] == text
        assert json.loads(captured["endpointInput"]["data"])["dataframe_split"]["data"] == [row]
