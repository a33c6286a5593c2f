"""Several models in one predictor: each answers as on its own, and a change that fails changes nothing."""

from collections.abc import Generator
from typing import Any

import pytest

from harness.bench.scale import models
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices
from workloads.serving.shared_predictor import deploy_together, remove, versions_in
from workloads.steps.registered import registered
from workloads.tracking import connect

NAME = "shared"
VERSIONS = {"shared-first": "1", "shared-second": "1"}
BROKEN = "shared-broken"


@pytest.fixture(scope="module")
def row(endpoints: Endpoints) -> list[float]:
    served = lineage.trace(endpoints, "wine").served
    return lineage.read_held_back(endpoints, served.mlflow_run_id).rows[0]


@pytest.fixture(scope="module")
def _shared(endpoints: Endpoints) -> Generator[None]:
    client = connect(endpoints)
    original: Any = registered(client, "wine", models.ALIAS)
    with models.registered(client, original, [*VERSIONS, BROKEN]):
        client.set_model_version_tag(BROKEN, "1", "model.digest", "0" * 64)
        deploy_together(endpoints, NAME, VERSIONS, timeout_seconds=120)
        try:
            yield
        finally:
            remove(endpoints, NAME)


@pytest.mark.usefixtures("_shared")
@pytest.mark.parametrize("model", VERSIONS)
def test_each_model_answers_as_on_its_own(endpoints: Endpoints, row: list[float], model: str) -> None:
    shared, own = InferenceClient(endpoints, model, service=NAME), InferenceClient(endpoints, "wine")
    assert shared.predict_v1([row, row]) == own.predict_v1([row, row])
    assert shared.predict_v2([row]) == own.predict_v2([row])


@pytest.mark.usefixtures("_shared")
def test_another_model_is_not_found(endpoints: Endpoints, row: list[float]) -> None:
    with pytest.raises(WorkloadsError, match=r"HTTP 404: .*this server has shared-first, shared-second"):
        InferenceClient(endpoints, "wine", service=NAME).predict_v1([row])


@pytest.mark.usefixtures("_shared")
def test_a_change_that_fails_leaves_what_was_served(endpoints: Endpoints, row: list[float]) -> None:
    with pytest.raises(WorkloadsError, match=f"predictor {NAME}: not within .* {BROKEN} not served yet"):
        deploy_together(endpoints, NAME, {**VERSIONS, BROKEN: "1"}, timeout_seconds=20)
    assert versions_in(InferenceServices(endpoints).get(NAME) or {"metadata": {}}) == VERSIONS
    for model in VERSIONS:
        assert InferenceClient(endpoints, model, service=NAME).predict_v1([row])
