import dataclasses
import json
from collections import Counter

import pytest

from components.aws.vpc import Vpc, VpcArgs, flow_log_rights, flow_log_trust
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
ARGS = VpcArgs(
    cidr="10.0.0.0/16",
    availability_zones=ZONES,
    account="123456789012",
    region="eu-central-1",
    cluster_name="here",
    log_key_arn="arn:aws:kms:eu-central-1:123456789012:key/logs",
    tags=TAGS,
)


def deployed(args: VpcArgs = ARGS, *, preview: bool = False) -> Deployment[Vpc]:
    return deploy(lambda: Vpc("network", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Vpc")
    policies.assert_tagged(deployment, TAGS)


def test_every_zone_has_a_private_and_a_public_subnet_and_none_gives_public_addresses() -> None:
    subnets = deployed().of_type("Subnet")
    assert Counter(each.inputs["availabilityZone"] for each in subnets) == dict.fromkeys(ZONES, 2)
    assert not any(each.inputs["mapPublicIpOnLaunch"] for each in subnets)


def test_load_balancers_and_karpenter_find_their_subnets_by_tags() -> None:
    deployment = deployed()
    private = deployment.one("Subnet", "network-private-eu-central-1a").inputs["tags"]
    public = deployment.one("Subnet", "network-public-eu-central-1a").inputs["tags"]
    assert private["kubernetes.io/role/internal-elb"] == "1"
    assert private["karpenter.sh/discovery"] == "here"
    assert public["kubernetes.io/role/elb"] == "1"
    assert "karpenter.sh/discovery" not in public


@pytest.mark.parametrize(("nat", "gateways"), [("single", 1), ("perZone", 3)])
def test_private_subnets_leave_through_nat_of_their_zone_or_the_one(nat: str, gateways: int) -> None:
    deployment = deployed(dataclasses.replace(ARGS, nat=nat))  # pyright: ignore[reportArgumentType]
    assert len(deployment.of_type("NatGateway")) == len(deployment.of_type("Eip")) == gateways
    routes = [each for each in deployment.of_type("Route") if "natGatewayId" in each.inputs]
    assert len(routes) == 3
    assert len({each.inputs["natGatewayId"] for each in routes}) == gateways
    for each in routes:
        zone = each.name.removeprefix("network-private-").removesuffix("-out")
        expected = zone if nat == "perZone" else "eu-central-1a"
        assert each.inputs["natGatewayId"] == f"network-nat-{expected}-id"


def test_nothing_private_has_a_route_to_the_internet_gateway() -> None:
    deployment = deployed()
    (out,) = [each for each in deployment.of_type("Route") if "gatewayId" in each.inputs]
    assert out.inputs["routeTableId"] == "network-public-id"
    tables = Counter(each.inputs["routeTableId"] for each in deployment.of_type("RouteTableAssociation"))
    assert tables["network-public-id"] == 3
    assert len(tables) == 4


def test_s3_is_a_route_and_other_services_are_addresses_that_only_the_network_reaches() -> None:
    deployment = deployed()
    kinds = Counter(each.inputs["vpcEndpointType"] for each in deployment.of_type("VpcEndpoint"))
    assert kinds == {"Gateway": 1, "Interface": len(ARGS.interface_endpoints)}
    gateway = deployment.one("VpcEndpoint", "network-s3")
    assert len(gateway.inputs["routeTableIds"]) == 3
    (rule,) = deployment.of_type("SecurityGroupIngressRule")
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == (
        "10.0.0.0/16",
        443,
        443,
    )
    for each in deployment.of_type("VpcEndpoint"):
        if each.inputs["vpcEndpointType"] == "Interface":
            assert each.inputs["privateDnsEnabled"] is True
            assert len(each.inputs["subnetIds"]) == 3


def test_without_interface_endpoints_there_is_no_group_for_them() -> None:
    deployment = deployed(dataclasses.replace(ARGS, interface_endpoints=()))
    assert not deployment.of_type("SecurityGroup")
    assert len(deployment.of_type("VpcEndpoint")) == 1


def test_the_default_group_lets_nothing_through() -> None:
    group = deployed().one("DefaultSecurityGroup")
    assert not {"ingress", "egress"} & group.inputs.keys()


def test_all_traffic_is_logged_into_an_encrypted_group_that_forgets() -> None:
    deployment = deployed()
    group = deployment.one("LogGroup")
    assert group.inputs["kmsKeyId"] == ARGS.log_key_arn
    assert group.inputs["retentionInDays"] == 30
    log = deployment.one("FlowLog")
    assert log.inputs["trafficType"] == "ALL"
    assert "network-flow-logs-rights" in rules.before(deployment, log)


def test_only_the_log_service_of_this_account_writes_and_only_into_its_group() -> None:
    (trust,) = json.loads(flow_log_trust("123456789012"))["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    write, describe = json.loads(flow_log_rights("arn:group", "123456789012", "eu-central-1"))["Statement"]
    assert write["Resource"] == "arn:group:*"
    assert describe["Action"] == "logs:DescribeLogGroups"
    assert "*" not in [write["Resource"], describe["Resource"]]
    policies.assert_least_privilege(deployed())


def test_nodes_wait_for_their_way_out() -> None:
    assert deployed().output("network")["private_subnet_ids"] == [
        f"network-private-{zone}-id" for zone in ZONES
    ]


def test_a_network_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cidr: 10\.0\.0\.0/24"):
        dataclasses.replace(ARGS, cidr="10.0.0.0/24")
