import dataclasses

import pytest

from components.aws.node_group import (
    EfaInterfaces,
    GroupSize,
    NodeGroup,
    NodeGroupArgs,
    Taint,
    autoscaler_tags,
    scaling,
)
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
RESERVATION = "cr-0123456789abcdef0"
ARGS = NodeGroupArgs(
    cluster_name="here",
    node_role_arn="arn:aws:iam::123456789012:role/nodes",
    subnet_ids=["subnet-1", "subnet-2"],
    kubernetes_version="1.36",
    ami_type="AL2023_x86_64_NVIDIA",
    instance_types=("g6.xlarge", "g6.2xlarge"),
    min_nodes=0,
    max_nodes=4,
    labels={"plinth.dev/gpu-pool": "small"},
    taints=(Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule"),),
    resources={"nvidia.com/gpu": "1"},
    tags=TAGS,
)


def deployed(args: NodeGroupArgs = ARGS, *, preview: bool = False) -> Deployment[NodeGroup]:
    return deploy(lambda: NodeGroup("pool", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_below_the_component_and_instances_and_volumes_are_tagged(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "NodeGroup")
    policies.assert_tagged(deployment, TAGS)
    specifications = deployment.one("LaunchTemplate").inputs["tagSpecifications"]
    assert {each["resourceType"] for each in specifications} == {"instance", "volume", "network-interface"}
    assert all(each["tags"].items() >= TAGS.items() for each in specifications)


def test_pods_cannot_take_the_nodes_credentials() -> None:
    options = deployed().one("LaunchTemplate").inputs["metadataOptions"]
    assert options["httpTokens"] == "required"
    assert options["httpPutResponseHopLimit"] == 1


def test_disks_are_encrypted_and_go_with_the_node() -> None:
    template = deployed(dataclasses.replace(ARGS, disk_gib=300)).one("LaunchTemplate")
    ((mapping),) = template.inputs["blockDeviceMappings"]
    assert mapping["ebs"] == {
        "volumeType": "gp3",
        "volumeSize": 300,
        "encrypted": "true",
        "deleteOnTermination": "true",
    }


def test_a_group_starts_with_its_minimum_and_up_never_stops_what_an_autoscaler_started() -> None:
    group = deployed().one("aws:eks/nodeGroup:NodeGroup")
    assert group.inputs["scalingConfig"] == {"minSize": 0, "maxSize": 4, "desiredSize": 0}
    assert group.ignore_changes == ("scalingConfig.desiredSize",)


def test_the_autoscalers_number_of_nodes_is_kept_and_given_only_along_with_a_changed_size() -> None:
    sizes = {"pool": GroupSize(fewest=0, most=4, nodes=3), "other": GroupSize(fewest=0, most=9, nodes=9)}
    group = deployed(dataclasses.replace(ARGS, sizes=sizes)).one("aws:eks/nodeGroup:NodeGroup")
    assert group.inputs["scalingConfig"] == {"minSize": 0, "maxSize": 4, "desiredSize": 3}
    assert group.ignore_changes == ("scalingConfig.desiredSize",)
    larger = deployed(dataclasses.replace(ARGS, sizes=sizes, max_nodes=5)).one("aws:eks/nodeGroup:NodeGroup")
    assert larger.inputs["scalingConfig"] == {"minSize": 0, "maxSize": 5, "desiredSize": 3}
    assert larger.ignore_changes == ()


@pytest.mark.parametrize(
    ("fewest", "nodes", "expected"), [(0, 0, 0), (1, 0, 1), (2, 1, 2), (2, 3, 3), (4, 4, 4)]
)
def test_a_group_never_has_fewer_nodes_than_its_minimum(fewest: int, nodes: int, expected: int) -> None:
    args = dataclasses.replace(ARGS, min_nodes=fewest)
    config, _ = scaling(args, GroupSize(fewest=0, most=4, nodes=nodes))
    assert config["desired_size"] == expected


def test_a_maximum_below_the_present_size_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"max_nodes: 4; the group has 5 nodes, .*give at least 5, or drain"):
        scaling(ARGS, GroupSize(fewest=0, most=6, nodes=5))


def test_nodes_are_those_that_were_asked_for_and_are_repaired() -> None:
    group = deployed(dataclasses.replace(ARGS, ami_release="1.36.0-20261101")).one(
        "aws:eks/nodeGroup:NodeGroup"
    )
    assert group.inputs["instanceTypes"] == ["g6.xlarge", "g6.2xlarge"]
    assert group.inputs["capacityType"] == "ON_DEMAND"
    assert group.inputs["releaseVersion"] == "1.36.0-20261101"
    assert group.inputs["version"] == "1.36"
    assert group.inputs["nodeRepairConfig"] == {"enabled": True}
    assert group.inputs["launchTemplate"] == {"id": "pool-template-id", "version": "1"}


def test_taints_are_spelt_as_eks_spells_them() -> None:
    group = deployed().one("aws:eks/nodeGroup:NodeGroup")
    assert group.inputs["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]
    with pytest.raises(ValueError, match="effect: 'NO_SCHEDULE'; Kubernetes has NoSchedule"):
        Taint(key="a", value="b", effect="NO_SCHEDULE")


def test_scarce_nodes_are_updated_without_more_of_them() -> None:
    scarce = deployed(dataclasses.replace(ARGS, scarce=True)).one("aws:eks/nodeGroup:NodeGroup")
    assert scarce.inputs["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}
    plenty = deployed().one("aws:eks/nodeGroup:NodeGroup")
    assert "updateStrategy" not in plenty.inputs["updateConfig"]


def test_an_autoscaler_knows_what_nodes_will_offer_before_there_is_one() -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template"
    expected = {
        f"{prefix}/label/plinth.dev/gpu-pool": "small",
        f"{prefix}/taint/nvidia.com/gpu": "present:NoSchedule",
        f"{prefix}/resources/nvidia.com/gpu": "1",
        f"{prefix}/resources/ephemeral-storage": "100Gi",
    }
    assert autoscaler_tags(ARGS) == expected
    tags = deployed().of_type("aws:autoscaling/tag:Tag")
    assert {each.inputs["tag"]["key"]: each.inputs["tag"]["value"] for each in tags} == expected
    assert {each.inputs["autoscalingGroupName"] for each in tags} == {"pool-nodes-asg"}


def test_a_reservation_is_used_and_no_other_capacity() -> None:
    one = dataclasses.replace(ARGS, instance_types=("p5.48xlarge",), reservation=RESERVATION)
    template = deployed(one).one("LaunchTemplate").inputs
    target = template["capacityReservationSpecification"]["capacityReservationTarget"]
    assert target == {"capacityReservationId": RESERVATION}
    assert "instanceMarketOptions" not in template


def test_a_capacity_block_names_its_type_in_the_template_alone() -> None:
    block = dataclasses.replace(
        ARGS, instance_types=("p5.48xlarge",), reservation=RESERVATION, capacity_type="CAPACITY_BLOCK"
    )
    deployment = deployed(block)
    template = deployment.one("LaunchTemplate").inputs
    assert template["instanceType"] == "p5.48xlarge"
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    group = deployment.one("aws:eks/nodeGroup:NodeGroup").inputs
    assert group["capacityType"] == "CAPACITY_BLOCK"
    assert "instanceTypes" not in group


def test_adapters_take_every_network_card_and_groups_stand_on_them_alone() -> None:
    efa = EfaInterfaces(count=4, security_group_id="sg-nodes")
    template = deployed(dataclasses.replace(ARGS, efa=efa)).one("LaunchTemplate").inputs
    interfaces = template["networkInterfaces"]
    assert [each["networkCardIndex"] for each in interfaces] == [0, 1, 2, 3]
    assert [each["interfaceType"] for each in interfaces] == ["efa", "efa-only", "efa-only", "efa-only"]
    assert all(each["securityGroups"] == ["sg-nodes"] for each in interfaces)
    assert "vpcSecurityGroupIds" not in template


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_types": ()}, "instance_types: none given"),
        ({"min_nodes": 5}, "min_nodes, max_nodes: 5, 4"),
        ({"max_nodes": 0}, "min_nodes, max_nodes: 0, 0"),
        ({"reservation": RESERVATION, "capacity_type": "SPOT"}, "reserved capacity is no spot"),
        ({"capacity_type": "CAPACITY_BLOCK"}, "reservation: none given"),
        ({"reservation": RESERVATION}, "instance_types: 2 given; a reservation is for one"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
