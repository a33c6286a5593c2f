"""What stacks ask of AWS, to change one thing of."""

from dataclasses import replace
from typing import Any

from infra.account import demand as aws_demand
from infra.account.demand import Demand, NodePool
from infra.settings import reader
from infra.settings.cluster import CapacityType
from tests.unit.infra import choices

# moto's account, which every simulated one is.
ACCOUNT = "123456789012"
# Who asks there.
USER = f"arn:aws:iam::{ACCOUNT}:user/moto"


def of_stack(stack: str, **changes: Any) -> Demand:
    """Return what a stack asks for, in moto's account."""
    demand = aws_demand.of(reader.parse(choices.of_stack(stack)), stack)
    usual: dict[str, Any] = {"account": ACCOUNT, "administrators": (USER,)}
    return replace(demand, **(usual | changes))


def pool(**changes: Any) -> NodePool:
    """Return a pool of up to four small GPU nodes on demand."""
    usual: dict[str, Any] = {
        "name": "one",
        "capacity_type": CapacityType.ON_DEMAND,
        "zones": ("us-east-1a",),
        "fewest": 1,
        "most": {"g6.xlarge": 4},
        "disk_gib": 100,
        "gpus": True,
    }
    return NodePool(**(usual | changes))
