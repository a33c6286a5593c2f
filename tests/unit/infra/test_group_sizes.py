"""Sizes that AWS answers, by the names that the program gives."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.aws.node_group import GroupSize
from infra import group_sizes
from tests.fixtures.recorder import deploy

_UUID = "1ec4a1b2-0c11-4d6f-9f6e-3a5b7c9d1e2f"


def found(groups: Mapping[str, tuple[int, int, int]]) -> Mapping[str, GroupSize]:
    def listed(arguments: dict[Any, Any]) -> dict[Any, Any]:
        (wanted,) = arguments["filters"]
        assert wanted == {"name": "tag:k8s.io/cluster-autoscaler/here", "values": ["owned"]}
        return {"names": [*groups]}

    def one(arguments: dict[Any, Any]) -> dict[Any, Any]:
        fewest, most, nodes = groups[arguments["name"]]
        return {"minSize": fewest, "maxSize": most, "desiredCapacity": nodes}

    answers = {
        "aws:autoscaling/getAmiIds:getAmiIds": listed,
        "aws:autoscaling/getGroup:getGroup": one,
    }
    return deploy(lambda: group_sizes.find("here", pulumi.InvokeOptions()), answers=answers).result


def test_a_cluster_that_does_not_exist_has_no_groups() -> None:
    assert found({}) == {}


def test_sizes_are_found_by_the_name_of_the_component() -> None:
    assert found(
        {
            f"eks-eks-system-nodes-1a2b3c4-{_UUID}": (2, 4, 3),
            f"eks-gpu-a-nodes-b-group-nodes-1a2b3c4-{_UUID}": (0, 2, 1),
            "made-by-somebody-else": (1, 1, 1),
        }
    ) == {
        "eks-system": GroupSize(fewest=2, most=4, nodes=3),
        "gpu-a-nodes-b-group": GroupSize(fewest=0, most=2, nodes=1),
    }


def test_of_a_group_that_is_being_replaced_the_larger_one_counts() -> None:
    two = {
        f"eks-pool-nodes-1a2b3c4-{_UUID}": (0, 4, 3),
        f"eks-pool-nodes-5d6e7f8-{_UUID}": (0, 4, 1),
    }
    assert found(two)["pool"].nodes == 3
