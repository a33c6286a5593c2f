"""The simulated account refuses what AWS refuses because of what is alive in it."""

from typing import Any

import pytest

from simulation.aws.live_state import LiveState, RefusedError

CLUSTER = "aws:eks/cluster:Cluster"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
NODES = "aws:eks/nodeGroup:NodeGroup"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE = "aws:iam/role:Role"
NAT = "aws:ec2/natGateway:NatGateway"
OUTPUTS = {"vpcConfig": {"clusterSecurityGroupId": "sg-1"}}


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::plinth::{token}::{name}"


def egress(**changes: Any) -> dict[str, Any]:
    return {
        "securityGroupId": "sg-1",
        "referencedSecurityGroupId": "sg-1",
        "ipProtocol": "-1",
        "description": "ours",
        **changes,
    }


@pytest.fixture
def live() -> LiveState:
    made = LiveState()
    made.create(urn(CLUSTER, "cluster"), CLUSTER, {"roleArn": "arn:aws:iam::1:role/eks"}, OUTPUTS)
    return made


def test_a_rule_that_eks_made_is_a_duplicate_whatever_its_description(live: LiveState) -> None:
    with pytest.raises(RefusedError, match=r"InvalidPermission\.Duplicate.*made by cluster"):
        live.create(urn(EGRESS, "mine"), EGRESS, egress(), {})
    live.create(urn(EGRESS, "other"), EGRESS, egress(ipProtocol="tcp", fromPort=443, toPort=443), {})


def test_a_deleted_rule_may_be_made_again(live: LiveState) -> None:
    rule = egress(referencedSecurityGroupId="sg-2")
    live.create(urn(EGRESS, "one"), EGRESS, rule, {})
    with pytest.raises(RefusedError, match="made by one"):
        live.create(urn(EGRESS, "two"), EGRESS, rule, {})
    live.delete(urn(EGRESS, "one"), EGRESS, rule)
    live.create(urn(EGRESS, "two"), EGRESS, rule, {})


@pytest.mark.parametrize(
    ("token", "inputs"), [(ATTACHMENT, {"role": "eks", "policyArn": "p"}), (ROLE, {"name": "eks"})]
)
def test_rights_of_what_is_alive_cannot_go(live: LiveState, token: str, inputs: dict[str, Any]) -> None:
    live.create(urn(token, "right"), token, inputs, {})
    with pytest.raises(RefusedError, match="cluster is alive and acts as role eks"):
        live.delete(urn(token, "right"), token, inputs)
    live.delete(urn(CLUSTER, "cluster"), CLUSTER, {})
    live.delete(urn(token, "right"), token, inputs)


def test_a_policy_that_names_a_role_does_not_act_as_it(live: LiveState) -> None:
    live.create(
        urn("aws:iam/rolePolicy:RolePolicy", "pass"),
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "other", "policy": '{"Resource": "arn:aws:iam::1:role/nodes"}'},
        {},
    )
    live.delete(urn(ATTACHMENT, "right"), ATTACHMENT, {"role": "nodes"})


def test_a_nat_gateway_needs_a_way_out(live: LiveState) -> None:
    with pytest.raises(RefusedError, match="no Internet gateway attached"):
        live.create(urn(NAT, "nat"), NAT, {}, {})
    live.create(urn("aws:ec2/route:Route", "out"), "aws:ec2/route:Route", {"gatewayId": "igw-1"}, {})
    live.create(urn(NAT, "nat"), NAT, {}, {})


def test_a_minimum_above_the_present_size_is_refused(live: LiveState) -> None:
    nodes = {"scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 1}}
    live.create(urn(NODES, "pool"), NODES, nodes, {})
    with pytest.raises(RefusedError, match="Minimum capacity 2 can't be greater than desired size 1"):
        live.update(urn(NODES, "pool"), NODES, {"scalingConfig": {"minSize": 2, "desiredSize": 1}})
