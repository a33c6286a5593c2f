import pytest

from components.aws.monthly_budget import MonthlyBudget, MonthlyBudgetArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ARGS = MonthlyBudgetArgs(limit_usd=500, email="platform@example.com", tags=TAGS)


def deployed(*, preview: bool = False) -> Deployment[MonthlyBudget]:
    return deploy(lambda: MonthlyBudget("budget", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MonthlyBudget")
    policies.assert_tagged(deployment, TAGS)


def test_the_limit_is_of_a_month_in_dollars_of_the_whole_account() -> None:
    budget = deployed().one("Budget").inputs
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("500", "USD", "MONTHLY")
    assert budget["budgetType"] == "COST"
    assert "costFilters" not in budget


def test_mail_comes_before_the_limit_is_spent() -> None:
    notices = deployed().one("Budget").inputs["notifications"]
    assert all(each["subscriberEmailAddresses"] == ["platform@example.com"] for each in notices)
    assert ("ACTUAL", 50) in {(each["notificationType"], each["threshold"]) for each in notices}
    assert ("FORECASTED", 100) in {(each["notificationType"], each["threshold"]) for each in notices}


def test_a_limit_that_is_reached_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="limit_usd: 0 given"):
        MonthlyBudgetArgs(limit_usd=0, email="platform@example.com")
