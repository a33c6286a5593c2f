"""Payloads: what the bucket has of each request is what its caller sent and got."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.recorded import wait_until_stored
from workloads.endpoints import Endpoints
from workloads.gateway_access import direct_session
from workloads.serving.inference_services import InferenceServices

_MODEL = "wine"
_REQUESTS = 60


@pytest.fixture(scope="module")
def rows() -> list[list[float]]:
    from sklearn.datasets import load_wine

    found: Any = load_wine()
    return found.data[:_REQUESTS].tolist()


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
    mine = wait_until_stored(endpoints, _MODEL, [version], got, began)
    recorded = {each["eventMetadata"]["eventId"]: each["captureData"] for each in mine}
    assert len(mine) == len(recorded) == len(got)
    for identity, (row, text) in got.items():
        captured = recorded[identity]
        assert captured["endpointOutput"]["data"] == text
        assert json.loads(captured["endpointInput"]["data"])["dataframe_split"]["data"] == [row]
