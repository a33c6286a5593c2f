from typing import Any

import pytest

from simulation.aws.live_state import RefusedError
from simulation.aws.node_groups import NodeGroups, scaling_group

LIST = "aws:autoscaling/getAmiIds:getAmiIds"


def inputs(least: int = 1, most: int = 4, nodes: int = 1, **rest: Any) -> dict[str, Any]:
    sizes = {"minSize": least, "maxSize": most, "desiredSize": nodes}
    return {"nodeGroupName": "pool-1", "clusterName": "here", "scalingConfig": sizes, **rest}


@pytest.fixture
def groups() -> NodeGroups:
    groups = NodeGroups()
    groups.create(inputs())
    return groups


def test_scaling_groups_are_listed_by_cluster_and_described(groups: NodeGroups) -> None:
    named = {"name": "tag:k8s.io/cluster-autoscaler/here", "values": ["owned"]}
    listed = groups.answer(LIST, {"filters": [named]})
    assert listed
    assert listed["names"] == [scaling_group("pool-1")]
    elsewhere = groups.answer(LIST, {"filters": [named | {"name": "tag:k8s.io/cluster-autoscaler/there"}]})
    assert elsewhere
    assert elsewhere["names"] == []
    described = groups.answer("aws:autoscaling/getGroup:getGroup", {"name": scaling_group("pool-1")})
    assert described
    assert (described["minSize"], described["maxSize"], described["desiredCapacity"]) == (1, 4, 1)
    assert groups.answer("aws:index/getRegion:getRegion", {}) is None


def test_an_update_sends_all_sizes_or_none(groups: NodeGroups) -> None:
    groups.scale("pool", 3)
    groups.update(inputs(), inputs(labels={"a": "b"}))
    assert groups.nodes("pool") == 3
    # A remembered number of nodes stops two of three.
    groups.update(inputs(), inputs(most=5))
    assert groups.nodes("pool") == 1


def test_more_nodes_than_the_maximum_are_refused(groups: NodeGroups) -> None:
    with pytest.raises(RefusedError, match="desired capacity 3 can't be greater than max size 2"):
        groups.update(inputs(), inputs(most=2, nodes=3))


def test_a_deleted_group_is_gone(groups: NodeGroups) -> None:
    groups.delete(inputs())
    listed = groups.answer(LIST, {})
    assert listed
    assert listed["names"] == []
