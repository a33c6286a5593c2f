"""Preflight and cost count exactly what the program creates."""

from dataclasses import fields
from functools import cache
from typing import Any

import pulumi
import pytest

from components import images
from images import registry
from infra import assembly, target
from infra.account import demand as aws_demand
from infra.account.demand import Demand
from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from infra.settings.stack import Secrets
from tests.contract.test_stacks import STACKS
from tests.fixtures.recorder import Deployment, deploy

CLOUD = [stack for stack in STACKS if isinstance(stack_file.settings(stack).cluster, EksSettings)]

pytestmark = pytest.mark.parametrize("stack", CLOUD)


@cache
def made(stack: str) -> Deployment[None]:
    """Return the resources that the program registers for a stack."""
    chosen = stack_file.settings(stack)

    def program() -> None:
        values = {field.name: pulumi.Output.secret("value") for field in fields(Secrets)}
        assembly.deploy(chosen, Secrets(**values), target.connect(chosen))

    return deploy(program, stack_name=stack)


def inputs(stack: str, kind: str) -> list[dict[str, Any]]:
    return [each.inputs for each in made(stack).of_type(kind)]


def demand_of(stack: str) -> Demand:
    return aws_demand.of(stack_file.settings(stack), stack)


def test_the_network_has_as_many_gateways_and_endpoints(stack: str) -> None:
    demand = demand_of(stack)
    assert len(inputs(stack, "aws:ec2/natGateway:NatGateway")) == demand.nat_gateways
    assert len(inputs(stack, "aws:ec2/eip:Eip")) == demand.nat_gateways
    endpoints = inputs(stack, "aws:ec2/vpcEndpoint:VpcEndpoint")
    addresses = [each["subnetIds"] for each in endpoints if each["vpcEndpointType"] == "Interface"]
    assert sum(map(len, addresses)) == demand.interface_endpoints


def test_there_are_as_many_keys(stack: str) -> None:
    assert len(inputs(stack, "aws:kms/key:Key")) == demand_of(stack).keys


def test_the_cluster_has_its_name_version_and_add_ons(stack: str) -> None:
    demand = demand_of(stack)
    (cluster,) = inputs(stack, "aws:eks/cluster:Cluster")
    assert (cluster["name"], cluster["version"]) == (demand.cluster, demand.kubernetes_version)
    addons = {each["addonName"]: each["addonVersion"] for each in inputs(stack, "aws:eks/addon:Addon")}
    assert addons == demand.addons


def test_every_name_that_could_clash_is_known(stack: str) -> None:
    demand = demand_of(stack)
    for kind, key, names in (
        ("aws:s3/bucket:Bucket", "bucket", demand.buckets),
        ("aws:ecr/repository:Repository", "name", demand.repositories),
        ("aws:cloudwatch/logGroup:LogGroup", "name", demand.log_groups),
    ):
        assert {each[key] for each in inputs(stack, kind)} == set(names), kind
    # The engine names the others, so they never clash.
    for kind, key in (("aws:rds/instance:Instance", "identifier"), ("aws:iam/role:Role", "name")):
        assert not [each[key] for each in inputs(stack, kind) if key in each]


def test_every_own_image_has_a_repository_that_the_stack_creates(stack: str) -> None:
    prefix = stack_file.settings(stack).registry
    pushed = {
        registry.parse(images.reference(name, prefix)).repository
        for name in images.names()
        if images.is_own(name)
    }
    assert pushed == {each["name"] for each in inputs(stack, "aws:ecr/repository:Repository")}


def test_databases_are_as_large_and_as_safe(stack: str) -> None:
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
        for each in demand_of(stack).databases
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
    pools = demand_of(stack).pools
    assert {pool.name for pool in pools if pool.name in limits} == limits.keys()
    assert groups == {
        (frozenset(pool.most), pool.fewest, pool.most_nodes) for pool in pools if pool.name not in limits
    }
    for pool in pools:
        if pool.name in limits:
            known = {name: aws_demand.instance_types.find(name) for name in pool.most}
            assert pool.most == {name: limits[pool.name] // each.gpus for name, each in known.items() if each}


def test_resources_carry_the_tag_that_preflight_looks_for(stack: str) -> None:
    # Imported here: the checks need the AWS SDK.
    from infra.account.names import OWNER_TAG

    for kind in (
        "aws:ec2/vpc:Vpc",
        "aws:eks/cluster:Cluster",
        "aws:s3/bucket:Bucket",
        "aws:ecr/repository:Repository",
        "aws:cloudwatch/logGroup:LogGroup",
    ):
        for each in inputs(stack, kind):
            assert each["tags"][OWNER_TAG] == demand_of(stack).cluster, kind


def test_volumes_in_the_cluster_are_as_large(stack: str) -> None:
    claims = [each["spec"] for each in inputs(stack, "kubernetes:core/v1:PersistentVolumeClaim")]
    # Operators create the claims of their servers.
    for each in inputs(stack, "kubernetes:monitoring.coreos.com/v1:Prometheus"):
        claims += [each["spec"]["storage"]["volumeClaimTemplate"]["spec"]] * each["spec"]["replicas"]
    for each in inputs(stack, "kubernetes:postgresql.cnpg.io/v1:Cluster"):
        claims += [{"resources": {"requests": {"storage": each["spec"]["storage"]["size"]}}}]
    sizes = [aws_demand.gib(each["resources"]["requests"]["storage"]) for each in claims]
    assert sum(sizes) == demand_of(stack).volumes_gib
