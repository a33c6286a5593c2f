"""A new version replaces the served one under load, and no request fails."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from harness import chain
from tests.e2e import through_gateway
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.tracking import connect

# Trains models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = pytest.mark.slow

_REQUESTS = 200


class Client(threading.Thread):
    """Requests predictions for one row repeatedly; counts answers by model digest, and failures."""

    def __init__(self, endpoints: Endpoints, rows: list[list[float]]) -> None:
        super().__init__(daemon=True)
        self._endpoints = endpoints
        self._rows = rows
        self.over = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self) -> None:
        host = self._endpoints.model_host("wine")
        with through_gateway.connect(self._endpoints, host, timeout=10) as session:
            while not self.over.wait(0.05):
                try:
                    answer = session.post("/v1/models/wine:predict", json={"instances": self._rows})
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if answer.status_code == 200:
                    self.answers[answer.headers["x-model-digest"]] += 1
                else:
                    self.failures.append(f"{answer.status_code} {answer.text[:100]}")


def test_a_new_version_replaces_the_served_one_without_a_failed_request(
    endpoints: Endpoints, record_property: Callable[[str, object], None]
) -> None:
    before = lineage.trace(endpoints, "wine")
    training: Any = connect(endpoints).get_run(before.served.mlflow_run_id)
    other = 2.0 if float(training.data.params["regularization"]) < 2 else 1.0
    rows = lineage.read_held_back(endpoints, before.served.mlflow_run_id).rows[:1]
    asking = Client(endpoints, rows)
    asking.start()
    try:
        run = chain.run(endpoints, "wine", regularization=other)
    finally:
        asking.over.set()
        asking.join(timeout=15)
    after = lineage.trace(endpoints, "wine")
    assert after.pipeline_run_id == run.run_id
    assert after.predictor_digest != before.predictor_digest
    assert asking.failures == []
    assert set(asking.answers) == {before.predictor_digest, after.predictor_digest}
    assert asking.answers.total() >= _REQUESTS
    record_property("requests during the change, failed", f"{asking.answers.total()}, {len(asking.failures)}")
