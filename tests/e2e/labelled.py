"""Requests of callers with what they were answered, and labels that callers upload for them."""

import hashlib
import json
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.rolling import MODEL
from workloads import object_store
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.gateway_access import direct_session


@dataclass(frozen=True)
class Answered:
    """One request of a caller, with one row."""

    identity: str
    unit: str
    """Unit of an experiment that it belongs to."""
    digest: str
    """Of the version that answered."""
    predicted: int
    """Place of the class with the largest probability."""


def ask(
    endpoints: Endpoints, rows: Sequence[list[float]], requests: int, units: int | None = None
) -> list[Answered]:
    """Send requests as callers do, each with the next row and the next unit; without a number all differ."""
    host = endpoints.model_host(MODEL)
    url = f"{endpoints.url(host)}/v1/models/{MODEL}:predict"
    found: list[Answered] = []
    with direct_session(endpoints, host) as session:
        for at in range(requests):
            unit = hashlib.sha256(f"caller {at % (units or requests)}".encode()).hexdigest()
            name = uuid.uuid4().hex
            answer = session.post(
                url,
                json={"instances": [rows[at % len(rows)]]},
                headers={"X-Request-Id": name, "X-Experiment-Unit": unit},
                timeout=30,
            )
            assert answer.status_code == 200, answer.text[:200]
            (probabilities,) = answer.json()["predictions"]
            digest = answer.headers["x-model-digest"]
            found.append(Answered(name, unit, digest, probabilities.index(max(probabilities))))
    return found


def classes(endpoints: Endpoints) -> list[str]:
    """Return the classes in the order of the model's probabilities."""
    host = endpoints.model_host(MODEL)
    with direct_session(endpoints, host) as session:
        found = session.get(f"{endpoints.url(host)}/v2/models/{MODEL}", timeout=30)
    return [str(each) for each in json.loads(found.json()["properties"]["classes"])]


@contextmanager
def uploaded(endpoints: Endpoints, labels: Mapping[str, str]) -> Generator[None]:
    """Upload labels, by the id of their row, with the keys of users; delete them at the end."""
    lines = [
        json.dumps({"groundTruthData": {"data": label}, "eventMetadata": {"eventId": identity}})
        for identity, label in labels.items()
    ]
    store = object_store.pipelines_store(endpoints)
    key = f"{endpoints.models_namespace}/{MODEL}/labels/test-{uuid.uuid4().hex[:8]}.jsonl"
    store.put_object(Bucket=PAYLOADS_BUCKET, Key=key, Body="\n".join(lines).encode())
    try:
        yield
    finally:
        store.delete_object(Bucket=PAYLOADS_BUCKET, Key=key)
