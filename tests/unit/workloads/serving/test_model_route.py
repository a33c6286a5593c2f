"""The route of a model as a dict, and the weights that are read back from it."""

import re
from typing import Any

import pytest

from workloads.serving.model_route import (
    MANAGER,
    name,
    predictor,
    route,
    spec,
    units_pattern,
    versions,
    weights,
)

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


@pytest.mark.parametrize("share", [1, 5, 6, 25, 50, 75, 99])
def test_every_unit_is_of_one_version_and_a_share_of_them_of_the_new_one(share: int) -> None:
    new, former = (re.compile(units_pattern(share, below=below)) for below in (True, False))
    digests = [f"{each:02x}" for each in range(256)]
    found = [each for each in digests if new.match(each)]
    assert [each for each in digests if former.match(each)] == digests[len(found) :]
    assert found == digests[: len(found)]
    assert abs(len(found) / 256 - share / 100) <= 0.5 / 256
    # Whatever follows, and in either case.
    assert all(new.match(f"{each.upper()}9aF") for each in found)


def test_a_share_that_grows_takes_no_unit_back() -> None:
    shares = [re.compile(units_pattern(share, below=True)) for share in range(1, 100)]
    for digest in (f"{each:02x}" for each in range(256)):
        matched = [bool(each.match(digest)) for each in shares]
        assert matched == sorted(matched)


@pytest.mark.parametrize("given", ["", "f", "0", "xy", "ann@example.com", "00-11", "0 0"])
def test_what_is_no_digest_is_no_unit(given: str) -> None:
    for below in (True, False):
        assert not re.search(units_pattern(50, below=below), given)


def test_units_are_assigned_by_two_rules_before_the_one_by_weight() -> None:
    made = route("models", HOST, GATEWAY, "wine", {"6": 50, "7": 50}, "7")
    *of_units, by_weight = made["spec"]["rules"]
    assert by_weight == spec(HOST, GATEWAY, "wine", {"6": 50, "7": 50})["rules"][0]
    assert [each["backendRefs"][0]["name"] for each in of_units] == ["wine-v7-predictor", "wine-v6-predictor"]
    (header,) = of_units[0]["matches"][0]["headers"]
    assert header == {
        "type": "RegularExpression",
        "name": "x-experiment-unit",
        "value": "^(?:[01234567][0-9a-fA-F])[0-9a-fA-F]*$",
    }
    assert weights(made, "wine") == {"6": 50, "7": 50}
    assert versions(made, "wine") == {"6", "7"}


@pytest.mark.parametrize("given", [{"6": 100}, {"6": 100, "7": 0}, {"7": 100}])
def test_a_version_with_every_request_needs_no_rules_of_units(given: dict[str, int]) -> None:
    assert len(spec(HOST, GATEWAY, "wine", given, "7")["rules"]) == 1


def test_a_version_that_gets_units_alone_still_gets_requests() -> None:
    made = route("models", HOST, GATEWAY, "wine", {"6": 50, "7": 50}, "7")
    made["spec"]["rules"][0]["backendRefs"][0]["name"] = "wine-v5-predictor"
    assert versions(made, "wine") == {"5", "6", "7"}
    assert weights(made, "wine") == {"6": 50, "7": 50}
