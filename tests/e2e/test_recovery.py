"""Pods are killed one by one: no stored data is lost, and the platform recovers within a bound."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from kubernetes import client

from harness import chain
from tests.e2e import through_gateway
from workloads import cluster_client, lineage
from workloads.endpoints import Endpoints
from workloads.serving.inference_client import InferenceClient
from workloads.wait import wait_for

# Minutes of restarts: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.fault]

_BACK_SECONDS = 180


def read_versions(endpoints: Endpoints) -> Any:
    """Return the versions of the model in MLflow: read from Postgres by the server."""
    with through_gateway.connect(endpoints, endpoints.tracking_host, timeout=10) as gateway:
        parameters = {"filter": "name='wine'", "max_results": "50"}
        answer = gateway.get("/api/2.0/mlflow/model-versions/search", params=parameters)
    answer.raise_for_status()
    return [
        {key: version[key] for key in ("name", "version", "source", "run_id", "creation_timestamp")}
        for version in answer.json()["model_versions"]
    ]


def read_runs(endpoints: Endpoints) -> Any:
    """Return the runs of Kubeflow Pipelines: read from MariaDB by the API server."""
    with through_gateway.connect(endpoints, endpoints.pipelines_host, timeout=10) as gateway:
        answer = gateway.get("/apis/v2beta1/runs", params={"page_size": "50", "sort_by": "created_at"})
    answer.raise_for_status()
    return [(run["run_id"], run["state"]) for run in answer.json()["runs"]]


def predict(endpoints: Endpoints) -> Any:
    """Return the served model's prediction for one row."""
    row = [13.2, 1.78, 2.14, 11.2, 100.0, 2.65, 2.76, 0.26, 1.28, 4.38, 1.05, 3.4, 1050.0]
    with through_gateway.connect(endpoints, endpoints.model_host("wine"), timeout=10) as gateway:
        answer = gateway.post("/v1/models/wine:predict", json={"instances": [row]})
    answer.raise_for_status()
    return answer.json()["predictions"]


CASES = [
    pytest.param("mlflow", "app.kubernetes.io/name=mlflow", read_versions, id="MLflow server"),
    pytest.param("kubeflow", "app.kubernetes.io/component=api-server", read_runs, id="pipelines API server"),
    pytest.param("models", "plinth.dev/model-name=wine", predict, id="predictor"),
    pytest.param("databases", "cnpg.io/cluster", read_versions, id="Postgres"),
]


@pytest.mark.parametrize(("namespace", "selector", "read"), CASES)
def test_stored_data_is_there_after_its_pod_was_killed(
    endpoints: Endpoints,
    record_property: Callable[[str, object], None],
    namespace: str,
    selector: str,
    read: Callable[[Endpoints], Any],
) -> None:
    api = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    before = read(endpoints)
    assert before
    doomed = {pod.metadata.uid for pod in api.list_namespaced_pod(namespace, label_selector=selector).items}
    assert doomed, f"no pod {selector} in {namespace}"
    began = time.monotonic()
    api.delete_collection_namespaced_pod(namespace, label_selector=selector, grace_period_seconds=0)

    def same_again() -> str | None:
        pods = api.list_namespaced_pod(namespace, label_selector=selector).items
        if doomed & {pod.metadata.uid for pod in pods} or not pods:
            return "the old pods are still there"
        try:
            found = read(endpoints)
        except httpx.HTTPError as error:
            return str(error)
        return None if found == before else f"{found} instead of {before}"

    wait_for(f"the same data behind {selector}", same_again, timeout_seconds=_BACK_SECONDS, successes=3)
    record_property("seconds until the same data was read again", round(time.monotonic() - began, 1))


@pytest.mark.usefixtures("failing")
def test_the_chain_succeeds_again_after_all_were_killed_while_other_runs_fail(
    endpoints: Endpoints, record_property: Callable[[str, object], None]
) -> None:
    # Another split of the rows, because a cached training would not test the restarted parts.
    run = chain.run(endpoints, "wine", seed=1)
    traced = lineage.trace(endpoints, "wine")
    assert traced.pipeline_run_id == run.run_id
    assert lineage.broken_links(traced) == []
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    rows = InferenceClient(endpoints, "wine").predict_v1(evidence.rows)
    assert [evidence.classes[row.index(max(row))] for row in rows] == evidence.predicted
    record_property("seconds of the chain", round(run.seconds, 1))
