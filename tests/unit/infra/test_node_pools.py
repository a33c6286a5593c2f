"""Pools of the settings become node groups or Karpenter pools, each with what its settings say."""

import json
from typing import Any

import pytest

from components.aws.node_group import GroupSize
from components.queues import kueue_controller
from infra import assembly, node_pools, target
from infra.errors import SettingsError
from infra.settings import reader, stack_file
from infra.settings.pools import Provisioner
from tests.fixtures import platform
from tests.fixtures.recorder import deploy
from tests.unit.infra import choices


def test_each_pool_is_created_by_its_provisioner() -> None:
    pools = stack_file.settings("prod").gpu_pools
    deployment = platform.stack("prod")
    for kind, provisioner in (
        ("GpuNodePool", Provisioner.NODE_GROUP),
        ("KarpenterNodePool", Provisioner.KARPENTER),
    ):
        wanted = {f"gpu-{pool.name}" for pool in pools if pool.provisioner is provisioner}
        assert {each.name for each in deployment.of_type(f"plinth:index:{kind}")} == wanted


def test_a_pool_in_one_zone_is_in_the_subnet_of_that_zone() -> None:
    deployment = platform.stack("prod")
    subnets = [each for each in deployment.of_type("aws:ec2/subnet:Subnet") if "private" in each.name]
    (expected,) = [each for each in subnets if each.inputs["availabilityZone"] == "us-east-1b"]
    group = deployment.one("aws:eks/nodeGroup:NodeGroup", "gpu-training-group-nodes")
    assert group.inputs["subnetIds"] == [f"{expected.name}-id"]


def test_karpenter_runs_only_where_a_pool_asks_for_it() -> None:
    assert not platform.stack("dev").of_type("plinth:index:Karpenter")
    assert platform.stack("prod").of_type("plinth:index:Karpenter")


def test_adapters_have_their_plugin_where_a_pool_has_them() -> None:
    with_adapters = [pool.name for pool in stack_file.settings("prod").gpu_pools if pool.efa]
    assert with_adapters
    plugin = platform.stack("prod").one("DaemonSet", "efa-device-plugin-adapters").inputs
    required = plugin["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    assert json.dumps(with_adapters) in json.dumps(required)
    (container,) = plugin["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/")
    assert not platform.stack("dev").of_type("plinth:index:EfaDevicePlugin")


def test_queues_let_through_whatever_the_nodes_of_a_pool_offer() -> None:
    """A pod that asks for what no quota covers, and no setting excludes, would wait in its queue for ever."""
    deployment = platform.stack("prod")
    prefix = "k8s.io/cluster-autoscaler/node-template/resources/"
    keys = [each.inputs["tag"]["key"] for each in deployment.of_type("aws:autoscaling/tag:Tag")]
    offered = {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}
    covered = {
        name
        for queue in deployment.of_type("ClusterQueue")
        for group in queue.inputs["spec"]["resourceGroups"]
        for name in group["coveredResources"]
    }
    excluded = kueue_controller.settings("kueue")["resources"]["excludeResourcePrefixes"]
    assert {"nvidia.com/gpu", "vpc.amazonaws.com/efa"} <= offered
    assert not [name for name in offered - covered if not name.startswith(tuple(excluded))]


def test_a_pool_that_was_removed_or_renamed_is_refused_while_it_has_nodes() -> None:
    busy, idle = GroupSize(fewest=0, most=4, nodes=2), GroupSize(fewest=0, most=4, nodes=0)
    sizes = {"eks-system": busy, "gpu-small-group": busy, "gpu-large-group": idle}
    assert node_pools.removed_pools(["gpu-small"], sizes) == []
    (clause,) = node_pools.removed_pools(["gpu-tiny"], sizes)
    assert clause.startswith(
        "gpuPools no longer names the pool of gpu-small-group, which has 2 nodes: put it"
    )


def test_a_pool_of_karpenter_that_was_removed_or_renamed_is_refused_while_it_has_nodes() -> None:
    """Deleting it would end the pods on its nodes."""

    def listed(arguments: dict[Any, Any]) -> dict[Any, Any]:
        named = arguments["filters"][1]
        running = {"i-1": "batch", "i-2": "spot"}
        return {
            "ids": [
                each for each, pool in running.items() if pool in named["values"] or "-key" in named["name"]
            ]
        }

    answers = {**platform.NO_GROUPS, "aws:ec2/getInstances:getInstances": listed}
    values = choices.of_stack("prod")

    def program() -> None:
        settings = reader.parse(values)
        assembly.deploy(settings, platform.secrets(), target.connect(settings))

    with pytest.raises(
        SettingsError, match=r"no longer names the pool of i-2, which Karpenter runs: put it b"
    ):
        deploy(program, answers=answers)
