"""Demands of stacks, for tests that change one value of them."""

from dataclasses import replace
from typing import Any

from infra.account.demand import Demand, NodePool, demand_of
from infra.settings import reader
from infra.settings.cluster import CapacityType
from tests.unit.infra import choices

# The account that moto simulates.
ACCOUNT = "123456789012"
# The caller's identity in it.
USER = f"arn:aws:iam::{ACCOUNT}:user/moto"


def of_stack(stack: str, **changes: Any) -> Demand:
    """Return a stack's demand, in moto's account."""
    demand = demand_of(reader.parse(choices.of_stack(stack)), stack)
    usual: dict[str, Any] = {"account": ACCOUNT, "administrators": (USER,)}
    return replace(demand, **(usual | changes))


def pool(**changes: Any) -> NodePool:
    """Return a pool of up to four small GPU nodes on demand."""
    usual: dict[str, Any] = {
        "name": "one",
        "capacity_type": CapacityType.ON_DEMAND,
        "zones": ("us-east-1a",),
        "min_nodes": 1,
        "max_by_type": {"g6.xlarge": 4},
        "disk_gib": 100,
        "gpus": True,
    }
    return NodePool(**(usual | changes))
