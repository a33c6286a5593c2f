"""A monthly budget of the AWS account, which sends e-mail before and when it is spent.

It covers the whole account: a filter by tag counts nothing until somebody activates the tag for billing, and
what a stack leaves behind costs money too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

# Kind of amount, and the share of the limit in percent above which AWS sends e-mail.
_NOTICES = (("ACTUAL", 50), ("ACTUAL", 100), ("FORECASTED", 100))


@dataclass(frozen=True, kw_only=True)
class MonthlyBudgetArgs:
    """Inputs of `MonthlyBudget`."""

    limit_usd: int
    """Amount that a month may cost."""
    email: str
    """Address that is notified."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject a limit that is reached at once."""
        if self.limit_usd < 1:
            raise ValueError(f"limit_usd: {self.limit_usd} given; AWS needs at least 1")


class MonthlyBudget(pulumi.ComponentResource):
    """The budget and its notifications."""

    def __init__(self, name: str, args: MonthlyBudgetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:MonthlyBudget", name, {"limit_usd": args.limit_usd}, opts)
        aws.budgets.Budget(
            f"{name}-budget",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(args.limit_usd),
            limit_unit="USD",
            notifications=[
                {
                    "notification_type": kind,
                    "comparison_operator": "GREATER_THAN",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": [args.email],
                }
                for kind, percent in _NOTICES
            ],
            tags={"Name": name, **args.tags},
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
