"""vCPUs by quota. moto has no EC2 quotas, so botocore's Stubber answers for Service Quotas."""

import pytest
from botocore.stub import Stubber

from components.aws import instance_types
from infra.account import quotas
from infra.account.session import Account
from infra.settings.cluster import CapacityType
from tests.unit.infra import demands

# moto accepts any image; listing those it knows takes seconds.
_IMAGE = "ami-12c6146b"
_VCPUS = {name: getattr(instance_types.find(name), "vcpus", 0) for name in instance_types.names()}


@pytest.mark.parametrize(
    ("name", "spot", "quota"),
    [
        ("g6e.xlarge", False, quotas.ON_DEMAND_G),
        ("g4dn.xlarge", True, quotas.SPOT_G),
        ("p4d.24xlarge", False, quotas.ON_DEMAND_P),
        ("p5.48xlarge", False, quotas.ON_DEMAND_P),
        ("p4de.24xlarge", True, quotas.SPOT_P2_TO_P4),
        ("p5en.48xlarge", True, quotas.SPOT_P5),
        ("p6-b200.48xlarge", True, quotas.SPOT_P5),
        ("m7i-flex.xlarge", False, quotas.ON_DEMAND_STANDARD),
        ("t3.large", True, quotas.SPOT_STANDARD),
        ("inf2.xlarge", False, None),
        ("trn1.32xlarge", False, None),
        ("x2gd.large", False, None),
        ("", False, None),
    ],
)
def test_a_family_counts_against_its_quota(name: str, spot: bool, quota: quotas.Quota | None) -> None:
    assert quotas.quota_of(name, spot=spot) == quota


@pytest.mark.parametrize("spot", [True, False])
def test_every_type_that_a_stack_may_name_has_a_quota(spot: bool) -> None:
    assert all(quotas.quota_of(name, spot=spot) for name in instance_types.names())


def test_pools_of_one_quota_add_up_at_their_max() -> None:
    found = quotas.needed(demands.of_stack("prod").pools, _VCPUS)
    assert found == {
        quotas.ON_DEMAND_STANDARD: {"system": 9 * 8},
        quotas.ON_DEMAND_G: {"inference": 8 * 8},
        # Eight GPUs: most vCPUs on one node of eight, or on eight of 4xlarge with sixteen each.
        quotas.SPOT_G: {"batch": 192},
        quotas.ON_DEMAND_P: {"training": 4 * 192, "shared": 96},
    }


def test_what_is_reserved_needs_no_quota() -> None:
    pools = [
        demands.pool(reservation="cr-1"),
        demands.pool(capacity_type=CapacityType.CAPACITY_BLOCK, reservation="cr-2"),
    ]
    assert not quotas.needed(pools, _VCPUS)


def test_instances_of_others_take_room_and_nodes_of_the_stack_do_not(account: Account) -> None:
    demand = demands.of_stack("dev")

    def start(name: str, count: int, **tags: str) -> None:
        specification = [
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}
        ]
        account.ec2.run_instances(
            ImageId=_IMAGE,
            InstanceType=name,  # type: ignore[arg-type]
            MinCount=count,
            MaxCount=count,
            TagSpecifications=specification if tags else [],  # type: ignore[arg-type]
        )

    start("g5.xlarge", 2)
    start("g5.2xlarge", 1, **{"eks:cluster-name": "another"})
    start("g5.xlarge", 4, **{"eks:cluster-name": demand.cluster})
    start("g5.xlarge", 8, **{f"kubernetes.io/cluster/{demand.cluster}": "owned"})
    start("m5.large", 1)
    assert quotas.used_by_others(account, demand) == {
        quotas.ON_DEMAND_G: 2 * 4 + 8,
        quotas.ON_DEMAND_STANDARD: 2,
    }


def test_a_stopped_instance_takes_no_room(account: Account) -> None:
    made = account.ec2.run_instances(ImageId=_IMAGE, InstanceType="g5.xlarge", MinCount=1, MaxCount=1)
    account.ec2.stop_instances(InstanceIds=[made["Instances"][0].get("InstanceId", "")])
    assert not quotas.used_by_others(account, demands.of_stack("dev"))


def test_a_quota_that_was_never_raised_has_the_default_value(account: Account) -> None:
    request = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}
    with Stubber(account.quotas) as stub:
        stub.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=request)
        stub.add_response("get_aws_default_service_quota", {"Quota": {"Value": 0.0}}, request)
        stub.add_response("get_service_quota", {"Quota": {"Value": 64.0}}, request)
        assert quotas.granted(account, quotas.ON_DEMAND_G) == 0
        assert quotas.granted(account, quotas.ON_DEMAND_G) == 64
        stub.assert_no_pending_responses()


def test_vcpus_come_from_aws_and_agree_with_our_table(account: Account) -> None:
    names = ["g6.2xlarge", "g6e.48xlarge", "p5.48xlarge", "p4d.24xlarge", "m7i.2xlarge", "g6.nothing"]
    found = quotas.vcpus(account, names)
    assert found == {name: _VCPUS[name] for name in names[:-1]}
