"""Instances that AWS lists, by the tags that Karpenter gives them."""

from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from infra import karpenter_nodes
from tests.fixtures.recorder import deploy


def found(pools: Collection[str], instances: Mapping[str, str]) -> list[str]:
    """Return the instances without a named pool, of these with the pool of each."""

    def listed(arguments: dict[Any, Any]) -> dict[Any, Any]:
        assert arguments["instanceStateNames"] == ["pending", "running"]
        owned, wanted = arguments["filters"]
        assert owned == {"name": "tag:kubernetes.io/cluster/here", "values": ["owned"]}
        if wanted == {"name": "tag-key", "values": ["karpenter.sh/nodepool"]}:
            return {"ids": [*instances]}
        assert wanted["name"] == "tag:karpenter.sh/nodepool"
        return {"ids": [name for name, pool in instances.items() if pool in wanted["values"]]}

    answers = {"aws:ec2/getInstances:getInstances": listed}
    find = karpenter_nodes.find_unnamed
    return deploy(lambda: find("here", pools, pulumi.InvokeOptions()), answers=answers).result


def test_a_cluster_that_does_not_exist_has_no_nodes() -> None:
    assert found(["batch"], {}) == []


def test_nodes_of_pools_that_are_no_longer_named_are_found() -> None:
    instances = {"i-2": "batch", "i-3": "former", "i-1": "renamed"}
    assert found(["batch", "renamed"], instances) == ["i-3"]
    assert found(["batch"], instances) == ["i-1", "i-3"]


def test_without_a_pool_of_karpenter_every_node_of_one_is_left_over() -> None:
    assert found([], {"i-2": "former", "i-1": "former"}) == ["i-1", "i-2"]
