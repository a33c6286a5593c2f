"""The demand that is derived from settings equals what the program registers."""

from typing import Any

import pytest

from components import images
from components.aws import instance_types
from images import registry
from infra import mirrored_images
from infra.account.demand import Demand, demand_of
from infra.account.unique_names import OWNER_TAG
from infra.parts import IMAGES
from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from infra.settings.sections import gib
from tests.contract.test_stacks import STACKS
from tests.fixtures import platform

CLOUD = [stack for stack in STACKS if isinstance(stack_file.settings(stack).cluster, EksSettings)]

pytestmark = pytest.mark.parametrize("stack", CLOUD)


def inputs(stack: str, kind: str) -> list[dict[str, Any]]:
    return [each.inputs for each in platform.stack(stack).of_type(kind)]


def stack_demand(stack: str) -> Demand:
    return demand_of(stack_file.settings(stack), stack)


def test_the_network_has_as_many_gateways_and_endpoints(stack: str) -> None:
    demand = stack_demand(stack)
    assert len(inputs(stack, "aws:ec2/natGateway:NatGateway")) == demand.nat_gateways
    assert len(inputs(stack, "aws:ec2/eip:Eip")) == demand.nat_gateways
    endpoints = inputs(stack, "aws:ec2/vpcEndpoint:VpcEndpoint")
    addresses = [each["subnetIds"] for each in endpoints if each["vpcEndpointType"] == "Interface"]
    assert sum(map(len, addresses)) == demand.interface_endpoints


def test_there_are_as_many_keys(stack: str) -> None:
    assert len(inputs(stack, "aws:kms/key:Key")) == stack_demand(stack).keys


def test_the_cluster_has_its_name_version_and_add_ons(stack: str) -> None:
    demand = stack_demand(stack)
    (cluster,) = inputs(stack, "aws:eks/cluster:Cluster")
    assert (cluster["name"], cluster["version"]) == (demand.cluster, demand.kubernetes_version)
    addons = {each["addonName"]: each["addonVersion"] for each in inputs(stack, "aws:eks/addon:Addon")}
    assert addons == demand.addons


def test_every_name_that_may_be_in_use_is_known(stack: str) -> None:
    demand = stack_demand(stack)
    for kind, key, names in (
        ("aws:s3/bucket:Bucket", "bucket", demand.buckets),
        ("aws:ecr/repository:Repository", "name", demand.repositories),
        ("aws:cloudwatch/logGroup:LogGroup", "name", demand.log_groups),
        ("aws:rds/instance:Instance", "identifier", [each.identifier for each in demand.databases]),
    ):
        assert {each[key] for each in inputs(stack, kind)} == set(names), kind
    # The engine names all others, so that they never clash.
    assert not [each["name"] for each in inputs(stack, "aws:iam/role:Role") if "name" in each]


def test_every_image_that_we_build_has_a_repository_in_the_stack(stack: str) -> None:
    settings = stack_file.settings(stack)
    pushed = {
        registry.parse(images.reference(name, settings.registry)).repository
        for name in IMAGES
        if images.is_own(name)
    }
    if settings.images.mirror:
        copied = {registry.parse(target).repository for _, target in mirrored_images.pairs(settings)}
        # Parts that the stack does not have yet have their repositories too.
        assert copied <= {each["name"] for each in inputs(stack, "aws:ecr/repository:Repository")}
        pushed |= {f"plinth-{stack}/plinth/{name}" for name in images.repositories(IMAGES, mirrored=True)}
    assert pushed == {each["name"] for each in inputs(stack, "aws:ecr/repository:Repository")}


def test_databases_have_the_size_class_and_standby_that_are_counted(stack: str) -> None:
    planned = {
        (
            each["engine"],
            each["engineVersion"],
            each["instanceClass"],
            each["allocatedStorage"],
            each["multiAz"],
        )
        for each in inputs(stack, "aws:rds/instance:Instance")
    }
    counted = {
        (each.engine, each.version, each.instance_class, each.storage_gib, each.multi_az)
        for each in stack_demand(stack).databases
    }
    assert planned == counted


def test_pools_have_the_types_and_limits_that_are_counted(stack: str) -> None:
    groups = {
        (frozenset(each["instanceTypes"]), each["scalingConfig"]["minSize"], each["scalingConfig"]["maxSize"])
        for each in inputs(stack, "aws:eks/nodeGroup:NodeGroup")
    }
    limits = {
        each["metadata"]["name"]: int(each["spec"]["limits"]["nvidia.com/gpu"])
        for each in inputs(stack, "kubernetes:karpenter.sh/v1:NodePool")
    }
    pools = stack_demand(stack).pools
    assert {pool.name for pool in pools if pool.name in limits} == limits.keys()
    assert groups == {
        (frozenset(pool.max_by_type), pool.min_nodes, pool.max_nodes)
        for pool in pools
        if pool.name not in limits
    }
    for pool in pools:
        if pool.name in limits:
            assert pool.max_by_type == {
                name: limits[pool.name] // instance_types.known(name).gpus for name in pool.max_by_type
            }


def test_resources_have_the_tag_by_which_preflight_recognises_them(stack: str) -> None:
    for kind in (
        "aws:ec2/vpc:Vpc",
        "aws:eks/cluster:Cluster",
        "aws:s3/bucket:Bucket",
        "aws:ecr/repository:Repository",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:rds/instance:Instance",
    ):
        for each in inputs(stack, kind):
            assert each["tags"][OWNER_TAG] == stack_demand(stack).cluster, kind


def test_volumes_in_the_cluster_have_the_size_that_is_counted(stack: str) -> None:
    claims = [each["spec"] for each in inputs(stack, "kubernetes:core/v1:PersistentVolumeClaim")]
    # Operators create the claims of their workloads.
    for each in inputs(stack, "kubernetes:monitoring.coreos.com/v1:Prometheus"):
        claims += [each["spec"]["storage"]["volumeClaimTemplate"]["spec"]] * each["spec"]["replicas"]
    for each in inputs(stack, "kubernetes:postgresql.cnpg.io/v1:Cluster"):
        claims += [{"resources": {"requests": {"storage": each["spec"]["storage"]["size"]}}}]
    sizes = [gib(each["resources"]["requests"]["storage"]) for each in claims]
    assert sum(sizes) == stack_demand(stack).volumes_gib
