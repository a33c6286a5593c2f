"""Service-linked roles of an account: which a stack needs, and who creates one that is missing."""

from dataclasses import replace
from typing import Any

import pytest

from infra.account import linked_roles
from infra.account.session import Account
from infra.settings.cluster import CapacityType
from infra.settings.pools import Provisioner
from tests.unit.infra import demands

SPOT: dict[str, Any] = {"capacity_type": CapacityType.SPOT}


def services(*pools: Any, databases: bool = False) -> dict[str, str]:
    """Return service -> creator of the roles that pools need, without those that every stack needs."""
    demand = demands.of_stack("prod")
    demand = replace(demand, pools=pools, databases=demand.databases if databases else ())
    every = {each.service for each in linked_roles.needed(replace(demand, pools=(), databases=()))}
    return {each.service: each.creator for each in linked_roles.needed(demand) if each.service not in every}


def test_a_role_is_needed_by_what_the_stack_has() -> None:
    assert services(demands.pool()) == {}
    assert services(demands.pool(), databases=True).keys() == {"rds.amazonaws.com"}
    assert services(demands.pool(**SPOT)) == {"spot.amazonaws.com": "Auto Scaling"}


def test_nothing_creates_the_role_of_spot_nodes_that_karpenter_starts() -> None:
    karpenter = demands.pool(name="batch", provisioner=Provisioner.KARPENTER, **SPOT)
    assert services(karpenter, demands.pool(**SPOT)) == {"spot.amazonaws.com": ""}
    assert services(replace(karpenter, capacity_type=CapacityType.ON_DEMAND)) == {}


def test_a_missing_role_that_nothing_creates_fails_with_the_command(account: Account) -> None:
    found = list(linked_roles.linked_roles(account, demands.of_stack("prod")))
    (failed,) = [each for each in found if each.failed]
    assert failed.subject == "AWSServiceRoleForEC2Spot for spot nodes through Karpenter: batch"
    assert failed.remedy == "run `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`"
    created = {each.subject.split()[0]: each.result for each in found if not each.failed}
    assert created["AWSServiceRoleForRDS"] == (
        "will be created by `up`, which needs iam:CreateServiceLinkedRole for it"
    )
    assert created["AWSServiceRoleForElasticLoadBalancing"] == "will be created by EKS"


def test_the_remedy_of_a_missing_role_makes_the_check_pass(account: Account) -> None:
    (failed,) = [each for each in linked_roles.linked_roles(account, demands.of_stack("prod")) if each.failed]
    account.iam.create_service_linked_role(AWSServiceName=failed.remedy.rstrip("`").split()[-1])
    found = list(linked_roles.linked_roles(account, demands.of_stack("prod")))
    assert not any(each.failed for each in found)
    assert [each.result for each in found].count("exists") == 1


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_every_role_has_a_reason_in_the_stack(stack: str) -> None:
    found = linked_roles.needed(demands.of_stack(stack))
    assert len({each.name for each in found}) == len(found)
    assert all(each.reason for each in found)
