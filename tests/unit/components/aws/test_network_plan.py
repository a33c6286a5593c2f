import ipaddress

import pytest

from components.aws import network_plan


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.20.0.0/17", "192.168.0.0/18"])
def test_subnets_lie_in_the_network_and_never_overlap(cidr: str) -> None:
    planned = network_plan.subnets(cidr, 6)
    networks = [ipaddress.IPv4Network(each) for each in (*planned.private, *planned.public)]
    assert all(each.subnet_of(ipaddress.IPv4Network(cidr)) for each in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_pods_have_room_in_private_subnets() -> None:
    planned = network_plan.subnets("10.0.0.0/16", 3)
    assert planned.private == ("10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19")
    assert planned.public == ("10.0.192.0/22", "10.0.196.0/22", "10.0.200.0/22")


def test_another_zone_moves_no_subnet() -> None:
    two, three = network_plan.subnets("10.0.0.0/16", 2), network_plan.subnets("10.0.0.0/16", 3)
    assert three.private[:2] == two.private
    assert three.public[:2] == two.public


@pytest.mark.parametrize(
    ("cidr", "zones", "message"),
    [("10.0.0.0/20", 3, "too few addresses"), ("10.0.0.0/16", 7, "room for 1 to 6")],
)
def test_networks_that_cannot_be_divided_are_refused(cidr: str, zones: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_plan.subnets(cidr, zones)


def test_no_endpoint_is_listed_twice() -> None:
    assert len(set(network_plan.INTERFACE_ENDPOINTS)) == len(network_plan.INTERFACE_ENDPOINTS)


def test_sessions_on_nodes_need_no_way_to_the_internet() -> None:
    assert {"ssm", "ssmmessages"} <= set(network_plan.INTERFACE_ENDPOINTS)
