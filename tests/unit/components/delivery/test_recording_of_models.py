"""The delivery controller: what it may read, whom it reaches, and who reaches it."""

import json
from typing import Any

import pytest

from components.connections import GatewayConnection, ObjectStoreConnection
from components.delivery.delivery_controller import (
    POD_LABELS,
    DeliveryController,
    DeliveryControllerArgs,
    ModelsOf,
    Payloads,
)
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

DRIFT = {"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03}
GATEWAY: GatewayConnection = sample.GATEWAY
KEYS: dict[str, Any] = {"access_key": "delivery", "secret_key": "open-sesame"}


def payloads(**keys: Any) -> Payloads:
    store = ObjectStoreConnection(
        endpoint="store.object-store:9000", region="us-east-1", bucket="payloads", secure=False, **keys
    )
    stores = (network_policies.in_namespace("object-store"),)
    return Payloads(store=store, stores=stores, keep_days=7, excluded_features=("age",))


def deployed(*, preview: bool = False, **changes: Any) -> Deployment[DeliveryController]:
    plain: dict[str, Any] = {
        "namespace": "delivery",
        "image": "plinth/delivery-controller:abc",
        "gateway": GATEWAY,
        "gateway_pods": (network_policies.in_namespace("gateway"),),
        "models": {"models": ModelsOf(namespace="models", tracking_uri="http://mlflow")},
        "predictors": (network_policies.in_namespace("models"),),
        "tracking": (network_policies.in_namespace("mlflow"),),
    }
    args = DeliveryControllerArgs(**{**plain, **changes})
    return deploy(lambda: DeliveryController("delivery", args), preview=preview)


def settings(deployment: Deployment[DeliveryController]) -> dict[str, Any]:
    return json.loads(deployment.one("ConfigMap").inputs["data"]["settings.json"])


def ports(rules: list[dict[str, Any]], namespace: str) -> list[int]:
    """Return the ports of the rules that name a namespace."""
    return [
        port["port"]
        for rule in rules
        if namespace in str(rule.get("to", rule.get("from")))
        for port in rule["ports"]
    ]


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview, drift=DRIFT, payloads=payloads(**KEYS))
    rules.assert_children_of_one_component(deployment, "DeliveryController")
    rules.assert_labelled(deployment)


def test_it_reads_the_counts_of_models_where_drift_is_looked_for() -> None:
    deployment = deployed(drift=DRIFT)
    assert settings(deployment)["drift"] == DRIFT
    policy = deployment.one("NetworkPolicy", "delivery-policy").inputs["spec"]
    assert ports(policy["egress"], "'models'") == [8080, 8081]
    role = deployment.one("Role", "delivery-models-role").inputs
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]} in role["rules"]


def test_it_stores_recorded_requests_with_keys_of_its_own() -> None:
    deployment = deployed(payloads=payloads(**KEYS))
    assert settings(deployment)["payloads"] == {
        "bucket": "payloads",
        "endpoint": "http://store.object-store:9000",
        "region": "us-east-1",
        "keepDays": 7,
        "excludedFeatures": ["age"],
        "sampleRate": 1.0,
    }
    assert "open-sesame" not in str(settings(deployment))
    policy = deployment.one("NetworkPolicy", "delivery-policy").inputs["spec"]
    assert ports(policy["egress"], "'models'") == [8080, 8081]
    assert ports(policy["egress"], "'object-store'") == [9000]
    (container,) = deployment.one("Deployment").inputs["spec"]["template"]["spec"]["containers"]
    keys = {
        each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each
    }
    assert keys == {
        "AWS_ACCESS_KEY_ID": {"name": "delivery-payloads", "key": "access-key"},
        "AWS_SECRET_ACCESS_KEY": {"name": "delivery-payloads", "key": "secret-key"},
    }
    role = deployment.one("Role", "delivery-models-role").inputs
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]} in role["rules"]


def test_without_keys_it_is_known_by_its_identity_and_the_cloud_deletes() -> None:
    deployment = deployed(payloads=payloads())
    assert settings(deployment)["payloads"]["keepDays"] is None
    assert deployment.of_type("Secret") == []
    (container,) = deployment.one("Deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in container["env"]] == ["OPENBLAS_NUM_THREADS"]


def test_without_either_it_reads_no_pod() -> None:
    deployment = deployed()
    assert (settings(deployment)["drift"], settings(deployment)["payloads"]) == (None, None)
    policy = deployment.one("NetworkPolicy", "delivery-policy").inputs["spec"]
    assert ports(policy["egress"], "'models'") == [8080]
    assert "pods" not in str(deployment.one("Role", "delivery-models-role").inputs["rules"])


def test_scrapers_alone_reach_it() -> None:
    assert "ingress" not in deployed().one("NetworkPolicy", "delivery-policy").inputs["spec"]
    deployment = deployed(scrapers=(network_policies.in_namespace("monitoring"),))
    policy = deployment.one("NetworkPolicy", "delivery-policy").inputs["spec"]
    assert ports(policy["ingress"], "'monitoring'") == [8080]
    assert len(policy["ingress"]) == 1
    labels = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert POD_LABELS.items() <= labels.items()


def test_a_controller_without_models_is_refused() -> None:
    with pytest.raises(ValueError, match="models: none given"):
        deployed(models={})
