"""The route of a model as a dict, and the weights that are read back from it."""

from typing import Any

import pytest

from workloads.serving.model_route import MANAGER, name, predictor, route, spec, weights

GATEWAY = {"name": "plinth", "namespace": "traefik"}
HOST = "wine-models.plinth.localhost"


def test_a_route_has_the_host_of_the_model_and_a_backend_for_each_version() -> None:
    assert route("models", HOST, GATEWAY, "wine", {"7": 25, "6": 75}) == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "wine-model",
            "namespace": "models",
            "labels": {
                "app.kubernetes.io/managed-by": "plinth-delivery",
                "plinth.dev/model-name": "wine",
            },
        },
        "spec": {
            "hostnames": [HOST],
            "parentRefs": [{"name": "plinth", "namespace": "traefik"}],
            "rules": [
                {
                    "backendRefs": [
                        {"name": "wine-v6-predictor", "port": 80, "weight": 75},
                        {"name": "wine-v7-predictor", "port": 80, "weight": 25},
                    ]
                }
            ],
        },
    }
    assert MANAGER == {"app.kubernetes.io/managed-by": "plinth-delivery"}


def test_a_route_is_named_as_no_route_of_kserve() -> None:
    # KServe names its own after the InferenceService, and after it with -predictor.
    of_kserve = {"wine-v7", "wine-v7-predictor", "wine", "wine-predictor"}
    assert name("wine") not in of_kserve
    assert predictor("wine", "7") == "wine-v7-predictor"


def test_a_version_without_requests_is_left_out() -> None:
    made = spec(HOST, GATEWAY, "wine", {"6": 100, "7": 0})
    assert made["rules"] == [{"backendRefs": [{"name": "wine-v6-predictor", "port": 80, "weight": 100}]}]


@pytest.mark.parametrize("given", [{}, {"6": 100}, {"6": 95, "7": 5}, {"9": 50, "10": 50}])
def test_weights_are_read_back(given: dict[str, int]) -> None:
    assert weights(route("models", HOST, GATEWAY, "wine", given), "wine") == given


def test_other_backends_are_no_versions_and_a_weight_that_is_left_out_is_one() -> None:
    backends: list[dict[str, Any]] = [
        {"name": "wine-v7-predictor", "port": 80},
        {"name": "beer-v7-predictor", "port": 80, "weight": 3},
        {"name": "wine-v8", "port": 80, "weight": 3},
        {"name": "wine-predictor", "port": 80, "weight": 3},
    ]
    assert weights({"spec": {"rules": [{"backendRefs": backends}]}}, "wine") == {"7": 1}
    assert weights({"spec": {}}, "wine") == {}
    assert weights({"spec": {"rules": [{}]}}, "wine") == {}
