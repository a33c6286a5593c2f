"""Capacity for every pool. botocore's Stubber answers for what moto lacks: EC2 quotas and reservations."""

from typing import Any

import pytest
from botocore.stub import Stubber

from infra.account import capacity
from infra.account.session import Account, Finding
from infra.account.unique_names import OWNER_TAG
from infra.settings.cluster import CapacityType
from tests.unit.infra import demands

_IMAGE = "ami-12c6146b"
_RESERVATION = "cr-0123456789abcdef0"


def failure(findings: list[Finding]) -> Finding:
    """Return the one failure."""
    (found,) = [each for each in findings if each.failed]
    return found


def test_the_zones_of_every_stack_exist(account: Account) -> None:
    for stack in ("dev", "staging", "prod"):
        demand = demands.of_stack(stack)
        found = list(capacity.zones(account, demand))
        assert [each.subject for each in found if not each.failed] == list(demand.zones)


def test_a_zone_that_the_account_lacks_is_named_with_those_it_has(account: Account) -> None:
    demand = demands.of_stack("dev", zones=("us-east-1a", "us-east-1x"))
    found = failure(list(capacity.zones(account, demand)))
    assert (found.subject, found.result) == ("us-east-1x", "the account has no such zone")
    assert found.remedy.startswith("choose plinth:cluster.availabilityZones among us-east-1a, us-east-1b")


def test_a_zone_where_eks_has_no_control_plane_is_refused(account: Account) -> None:
    ids = {each.get("ZoneId"): each.get("ZoneName", "") for each in _zones(account)}
    demand = demands.of_stack("dev", zones=("us-east-1a", ids["use1-az3"]))
    found = failure(list(capacity.zones(account, demand)))
    assert found.result == "is use1-az3, where EKS has no control plane"
    assert ids["use1-az3"] not in found.remedy


def _zones(account: Account) -> Any:
    return account.ec2.describe_availability_zones()["AvailabilityZones"]


def test_a_type_is_offered_where_its_pool_may_run(account: Account) -> None:
    demand = demands.of_stack("dev", pools=(demands.pool(max_by_type={"m5.large": 1}),))
    (found,) = capacity.instance_types(account, demand)
    assert not found.failed
    assert found.result == "offered in us-east-1a"


def test_a_type_that_is_offered_elsewhere_is_named_with_the_zones(account: Account) -> None:
    offered = {
        each.get("Location")
        for each in account.ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["p4d.24xlarge"]}]
        )["InstanceTypeOfferings"]
    }
    lacking = sorted({each.get("ZoneName", "") for each in _zones(account)} - offered)
    assert offered, "moto offers it in some zones"
    assert lacking, "but not in all"
    demand = demands.of_stack(
        "dev", pools=(demands.pool(name="training", max_by_type={"p4d.24xlarge": 1}, zones=(lacking[0],)),)
    )
    found = failure(list(capacity.instance_types(account, demand)))
    assert (found.subject, found.result) == ("p4d.24xlarge of training", f"not offered in {lacking[0]}")
    assert all(str(zone) in found.remedy for zone in offered)


def test_a_type_that_no_zone_offers_is_refused(account: Account) -> None:
    demand = demands.of_stack("dev", pools=(demands.pool(max_by_type={"g9.xlarge": 1}),))
    found = failure(list(capacity.instance_types(account, demand)))
    assert found.remedy == "choose another type or another region"


def quota(value: float, code: str, service: str = "ec2") -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return the arguments with which a Stubber answers for one quota."""
    return (
        "get_service_quota",
        {"Quota": {"Value": value}},
        {"ServiceCode": service, "QuotaCode": code},
    )


def test_room_for_all_pools_is_reported_with_its_parts(account: Account) -> None:
    with Stubber(account.quotas) as stub:
        stub.add_response(*quota(96, "L-1216C47A"))
        stub.add_response(*quota(64, "L-DB2E81BA"))
        stub.add_response(*quota(192, "L-3819A6DF"))
        stub.add_response(*quota(10_000, "L-417A185B"))
        found = list(capacity.vcpu_quotas(account, demands.of_stack("prod")))
    assert not [each for each in found if each.failed]
    assert found[1].subject == "Running On-Demand G and VT instances (L-DB2E81BA)"
    assert found[1].result == "64 vCPUs needed (inference 64), 64 granted, 0 in use"


def test_a_quota_that_is_too_small_is_named_with_what_to_ask_for(account: Account) -> None:
    account.ec2.run_instances(ImageId=_IMAGE, InstanceType="g5.2xlarge", MinCount=1, MaxCount=1)
    demand = demands.of_stack("prod", pools=(demands.pool(name="a"), demands.pool(name="b")))
    with Stubber(account.quotas) as stub:
        stub.add_response(*quota(39, "L-DB2E81BA"))
        found = failure(list(capacity.vcpu_quotas(account, demand)))
    assert found.result == "32 vCPUs needed (a 16, b 16), 39 granted, 8 in use"
    assert found.remedy == (
        "run `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA "
        "--desired-value 40 --region us-east-1`, or lower max of a or b"
    )


def test_a_network_of_its_own_needs_room_for_itself_and_its_addresses(account: Account) -> None:
    for _ in range(3):
        account.ec2.allocate_address(Domain="vpc")
    with Stubber(account.quotas) as stub:
        stub.add_response(*quota(5, "L-F678F1CE", "vpc"))
        stub.add_response(*quota(5, "L-0263D0A3"))
        found = list(capacity.network_quotas(account, demands.of_stack("prod")))
    networks, addresses = found
    # moto's default VPC.
    assert (networks.result, networks.failed) == ("1 more needed, 5 granted, 1 in use", False)
    assert (addresses.result, addresses.failed) == ("3 more needed, 5 granted, 3 in use", True)
    assert "--desired-value 6" in addresses.remedy
    assert "network.nat to single" in addresses.remedy


def test_a_stack_whose_network_exists_needs_no_other(account: Account) -> None:
    demand = demands.of_stack("prod")
    vpc = account.ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"].get("VpcId", "")
    tag = {"Key": OWNER_TAG, "Value": demand.cluster}
    account.ec2.create_tags(Resources=[vpc], Tags=[tag])  # type: ignore[list-item]
    (found,) = capacity.network_quotas(account, demand)
    assert (found.result, found.failed) == ("the stack's network already exists", False)


def reserved(**changes: Any) -> dict[str, Any]:
    usual = {
        "State": "active",
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": "us-east-1b",
        "TotalInstanceCount": 4,
    }
    return {"CapacityReservations": [usual | changes]}


def training(**changes: Any) -> Any:
    usual: dict[str, Any] = {
        "name": "training",
        "max_by_type": {"p5.48xlarge": 4},
        "zones": ("us-east-1b",),
        "capacity_type": CapacityType.CAPACITY_BLOCK,
        "reservation": _RESERVATION,
    }
    return demands.of_stack("prod", pools=(demands.pool(**(usual | changes)), demands.pool()))


def test_a_reservation_that_fits_is_reported(account: Account) -> None:
    with Stubber(account.ec2) as stub:
        request = {"CapacityReservationIds": [_RESERVATION]}
        stub.add_response("describe_capacity_reservations", reserved(State="scheduled"), request)
        (found,) = capacity.reservations(account, training())
    assert (found.subject, found.result) == (f"{_RESERVATION} of training", "4 x p5.48xlarge, scheduled")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reserved(State="expired"), "is expired"),
        (reserved(InstanceType="p4d.24xlarge"), "is for p4d.24xlarge, the pool has p5.48xlarge"),
        (reserved(AvailabilityZone="us-east-1c"), "is in us-east-1c, the pool in us-east-1b"),
        (reserved(TotalInstanceCount=2), "has 2 instances, the pool's max is 4"),
    ],
)
def test_a_reservation_that_does_not_fit_its_pool_is_refused(
    account: Account, answer: dict[str, Any], problem: str
) -> None:
    with Stubber(account.ec2) as stub:
        stub.add_response("describe_capacity_reservations", answer)
        found = failure(list(capacity.reservations(account, training())))
    assert (found.result, found.remedy) == (problem, "correct plinth:gpuPools training")


def test_a_reservation_that_does_not_exist_is_named(account: Account) -> None:
    with Stubber(account.ec2) as stub:
        stub.add_client_error("describe_capacity_reservations", "InvalidCapacityReservationId.NotFound")
        found = failure(list(capacity.reservations(account, training())))
    assert found.result == "the account has no such reservation"
