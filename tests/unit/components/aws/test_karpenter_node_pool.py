import dataclasses

import pytest

from components.aws import gpu_partitioning
from components.aws.karpenter_node_pool import (
    KarpenterNodePool,
    KarpenterNodePoolArgs,
    node_class_spec,
    node_pool_spec,
)
from components.gpus.gpu_pools import Mig, TimeSlicing
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

RESERVATION = "cr-0123456789abcdef0"
ARGS = KarpenterNodePoolArgs(
    pool="batch",
    cluster_name="here",
    instance_profile="here-nodes",
    security_group_id="sg-nodes",
    instance_types=("g6e.xlarge", "g6e.12xlarge"),
    max_nodes=8,
    zones=("eu-central-1a", "eu-central-1b"),
    ami_release="v20261101",
    capacity_type="SPOT",
    tags={"plinth:stack": "here"},
)


def deployed(*, preview: bool = False) -> Deployment[KarpenterNodePool]:
    return deploy(lambda: KarpenterNodePool("gpu-batch", ARGS), preview=preview)


def requirements(args: KarpenterNodePoolArgs) -> dict[str, list[str]]:
    spec = node_pool_spec(args, "batch")["template"]["spec"]
    return {each["key"]: each["values"] for each in spec["requirements"]}


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KarpenterNodePool")
    rules.assert_labelled(deployment)


def test_volumes_of_the_cluster_may_be_attached_to_its_nodes() -> None:
    assert node_class_spec(ARGS)["tags"]["ebs.csi.aws.com/cluster-name"] == "here"


def test_the_class_comes_before_the_pool_that_names_it() -> None:
    deployment = deployed()
    pool = deployment.one("kubernetes:karpenter.sh/v1:NodePool")
    assert "gpu-batch-class" in rules.before(deployment, pool)
    reference = pool.inputs["spec"]["template"]["spec"]["nodeClassRef"]
    assert reference == {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "batch"}


def test_only_pods_that_tolerate_gpus_land_on_the_pool() -> None:
    template = node_pool_spec(ARGS, "batch")["template"]
    assert template["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    ]
    assert template["metadata"]["labels"]["plinth.dev/gpu-pool"] == "batch"


def test_a_pool_has_a_limit_and_empty_nodes_go() -> None:
    spec = node_pool_spec(ARGS, "batch")
    assert spec["limits"] == {"nvidia.com/gpu": "8"}
    disruption = spec["disruption"]
    assert (disruption["consolidationPolicy"], disruption["consolidateAfter"]) == ("WhenEmpty", "300s")
    assert {"nodes": "100%", "reasons": ["Empty"]} in disruption["budgets"]


def test_nodes_are_of_the_types_zones_and_price_that_were_asked_for() -> None:
    found = requirements(ARGS)
    assert found["node.kubernetes.io/instance-type"] == ["g6e.xlarge", "g6e.12xlarge"]
    assert found["topology.kubernetes.io/zone"] == ["eu-central-1a", "eu-central-1b"]
    assert found["karpenter.sh/capacity-type"] == ["spot"]


def test_a_reservation_is_the_only_capacity_of_its_pool() -> None:
    args = dataclasses.replace(ARGS, capacity_type="ON_DEMAND", reservation=RESERVATION)
    assert requirements(args)["karpenter.sh/capacity-type"] == ["reserved"]
    assert node_class_spec(args)["capacityReservationSelectorTerms"] == [{"id": RESERVATION}]


def test_nodes_are_as_closed_as_those_of_node_groups() -> None:
    spec = node_class_spec(ARGS)
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    ((mapping),) = spec["blockDeviceMappings"]
    assert mapping["ebs"]["encrypted"] is True
    assert mapping["ebs"]["volumeSize"] == "200Gi"
    assert spec["amiSelectorTerms"] == [{"alias": "al2023@v20261101"}]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-nodes"}]
    assert spec["subnetSelectorTerms"] == [{"tags": {"karpenter.sh/discovery": "here"}}]
    assert spec["tags"]["plinth:stack"] == "here"
    # A role would make Karpenter make profiles, and need the right to.
    assert spec["instanceProfile"] == "here-nodes"
    assert "role" not in spec


def test_gpus_are_cut_before_a_node_joins_and_local_disks_are_left_to_karpenter() -> None:
    whole = node_class_spec(ARGS)
    assert "userData" not in whole
    assert whole["instanceStorePolicy"] == "RAID0"
    args = dataclasses.replace(ARGS, instance_types=("p4d.24xlarge",), sharing=Mig(profile="7g.40gb"))
    assert gpu_partitioning.user_data("7g.40gb", 1) in node_class_spec(args)["userData"]
    sliced = dataclasses.replace(ARGS, sharing=TimeSlicing(replicas=2))
    labels = node_pool_spec(sliced, "batch")["template"]["metadata"]["labels"]
    assert labels["nvidia.com/device-plugin.config"] == "batch"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_types": ("g5.xlarge", "g6.xlarge")}, "differ in GPUs"),
        ({"zones": ()}, "zones: none given"),
        ({"max_nodes": 0}, "max_nodes: 0"),
        ({"reservation": RESERVATION}, "reserved capacity is no spot"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
