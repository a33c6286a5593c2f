"""Bad requests to a served model: each gets a 4xx with a reason, and nothing restarts."""

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from kubernetes import client

from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.serving.inference_services import InferenceServices

V1 = "/v1/models/wine:predict"
V2 = "/v2/models/wine/infer"
ROW = [13.2, 1.78, 2.14, 11.2, 100.0, 2.65, 2.76, 0.26, 1.28, 4.38, 1.05, 3.4, 1050.0]


def v2(**changes: Any) -> str:
    tensor: dict[str, Any] = {"name": "rows", "shape": [1, 13], "datatype": "FP64", "data": ROW}
    return json.dumps({"inputs": [{**tensor, **changes}]})


def restarts(endpoints: Endpoints) -> dict[str, int]:
    api = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    serving: Any = InferenceServices(endpoints).of_model("wine")
    selector = f"serving.kserve.io/inferenceservice={serving['metadata']['name']}"
    pods = api.list_namespaced_pod(endpoints.models_namespace, label_selector=selector)
    return {
        f"{pod.metadata.name}/{status.name}": status.restart_count
        for pod in pods.items
        for status in pod.status.container_statuses or []
    }


@pytest.fixture(scope="module", autouse=True)
def nothing_restarts(endpoints: Endpoints) -> Generator[None]:
    before = restarts(endpoints)
    assert before, "the wine model has no predictor pod"
    yield
    assert restarts(endpoints) == before


@pytest.mark.parametrize(
    ("case", "path", "body"),
    [
        ("malformed JSON", V1, '{"instances": [[1, 2'),
        ("malformed JSON", V2, '{"inputs": '),
        ("not an object", V1, "[1, 2, 3]"),
        ("no instances", V1, json.dumps({"rows": [ROW]})),
        ("no inputs", V2, json.dumps({"instances": [ROW]})),
        ("no rows", V1, json.dumps({"instances": []})),
        ("too few columns", V1, json.dumps({"instances": [ROW[:12]]})),
        ("too many columns", V1, json.dumps({"instances": [[*ROW, 1.0]]})),
        ("ragged rows", V1, json.dumps({"instances": [ROW, ROW[:5]]})),
        ("a flat row", V1, json.dumps({"instances": ROW})),
        ("text for a number", V1, json.dumps({"instances": [["red", *ROW[1:]]]})),
        ("null for a number", V1, json.dumps({"instances": [[None, *ROW[1:]]]})),
        ("shape that does not fit the data", V2, v2(shape=[2, 13])),
        ("shape of another width", V2, v2(shape=[1, 12], data=ROW[:12])),
        ("unknown datatype", V2, v2(datatype="FP65")),
        ("text where numbers belong", V2, v2(datatype="BYTES", data=["x"] * 13)),
        ("empty body", V1, ""),
        ("empty body", V2, ""),
        ("20 MB body", V1, '{"instances": [[' + "1.5," * 5_000_000 + "1]]}"),
    ],
)
def test_a_bad_body_gets_a_clear_refusal(wine: httpx.Client, case: str, path: str, body: str) -> None:
    answer = wine.post(path, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, f"{case}: {answer.status_code} {answer.text[:200]}"
    assert len(answer.json()["error"]) > 10, f"{case}: no reason in {answer.text[:200]}"


def test_large_bodies_at_once_are_refused(wine: httpx.Client) -> None:
    # Events and binary tensors are read in one piece: without a bound, eight would fill the memory.
    kinds = [
        (V1, {"ce-id": "1", "ce-specversion": "1.0"}),
        (V2, {"inference-header-content-length": "10"}),
    ] * 4
    body = b"x" * 9_000_000

    def send(kind: tuple[str, dict[str, str]]) -> int:
        return wine.post(kind[0], content=body, headers=kind[1]).status_code

    with ThreadPoolExecutor(len(kinds)) as pool:
        assert [*pool.map(send, kinds)] == [413] * len(kinds)


@pytest.mark.parametrize("path", ["/v1/models/nothing:predict", "/v2/models/nothing/infer"])
def test_an_unknown_model_is_not_found(wine: httpx.Client, path: str) -> None:
    answer = wine.post(path, json={"instances": [ROW]})
    assert answer.status_code == 404
    assert "nothing" in answer.json()["error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [V1, V2])
def test_a_wrong_method_is_refused_with_the_allowed_one(
    wine: httpx.Client, endpoints: Endpoints, method: str, path: str
) -> None:
    answer = wine.request(method, path)
    if endpoints.identity_account and method != "GET":
        # No role has the verbs of these methods: the login's gate refuses them.
        assert answer.status_code == 403
        assert "may not" in answer.text
        return
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_an_unknown_host_reaches_no_model(endpoints: Endpoints) -> None:
    answer = httpx.post(
        f"{endpoints.gateway_url}{V1}",
        json={"instances": [ROW]},
        headers={"Host": f"x.{endpoints.gateway_domain}"},
    )
    assert answer.status_code == 404


def test_the_model_still_answers_after_all_that(wine: httpx.Client) -> None:
    answer = wine.post(V1, json={"instances": [ROW]})
    assert answer.status_code == 200
    assert sum(answer.json()["predictions"][0]) == pytest.approx(1.0)
