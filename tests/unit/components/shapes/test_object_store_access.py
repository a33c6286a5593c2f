import dataclasses
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest

from components.connections import ObjectStoreConnection
from components.shapes import network_policies, object_store_access
from tests.fixtures.recorder import deploy
from tests.unit.components import rules, sample

STORES = (network_policies.in_namespace("object-store"),)


def policy(artifacts: ObjectStoreConnection, stores: tuple[network_policies.Peer, ...] = STORES) -> Any:
    def program() -> None:
        kubernetes.networking.v1.NetworkPolicy(
            "probe",
            metadata={"name": "probe"},
            spec=network_policies.exception(
                {"app": "probe"}, outgoing=object_store_access.egress(artifacts, stores)
            ),
        )

    return rules.policies(deploy(program))["probe"]


def test_with_keys_pods_reach_the_stores_on_the_port_of_the_endpoint_alone() -> None:
    (rule,) = policy(sample.artifacts())["egress"]
    assert rule["ports"] == [{"port": 9000, "protocol": "TCP"}]
    (peer,) = rule["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "object-store"}


def test_with_keys_and_no_named_stores_pods_reach_the_port_anywhere() -> None:
    (rule,) = policy(sample.artifacts(), ())["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0"}}]


def test_without_keys_pods_reach_s3_and_the_agent_that_gives_credentials_and_nothing_else() -> None:
    found = policy(sample.keyless_artifacts())
    rules.assert_reaches_aws(found)
    assert [rule["ports"][0]["port"] for rule in found["egress"]] == [443, 80]


def test_an_endpoint_has_a_host_and_a_port() -> None:
    assert object_store_access.split_endpoint("s3.eu-central-1.amazonaws.com:443") == (
        "s3.eu-central-1.amazonaws.com",
        "443",
    )


@pytest.mark.parametrize("endpoint", ["https://s3", "s3", ":443", "s3:"])
def test_an_endpoint_without_one_of_the_two_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="give host:port"):
        object_store_access.split_endpoint(endpoint)


def test_the_port_follows_the_endpoint() -> None:
    moved = dataclasses.replace(sample.artifacts(), endpoint="store:7070")
    (rule,) = policy(moved)["egress"]
    assert rule["ports"][0]["port"] == 7070
