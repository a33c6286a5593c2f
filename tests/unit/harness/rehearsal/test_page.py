"""The page says what was shown, what was not, and what it cost."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from harness.rehearsal.page import Outcome, Rehearsal, render

UP = Outcome(name="up", shows="everything is created", seconds=1800)
HIDDEN = Outcome(name="verify", shows="journeys pass", not_shown="running pods")


def rehearsal(*outcomes: Outcome, **changes: Any) -> Rehearsal:
    usual: dict[str, Any] = {
        "stack": "dev",
        "began": datetime(2026, 11, 29, 6, 0, tzinfo=UTC),
        "simulated": True,
        "outcomes": outcomes,
        "hourly": (Decimal("0.50"), Decimal("3.00")),
    }
    return Rehearsal(**(usual | changes))


def test_what_only_an_account_can_show_is_listed_and_fails_nothing() -> None:
    found = rehearsal(UP, HIDDEN)
    assert found.passed
    text = render(found)
    assert text.startswith("# Rehearsal of dev: passed\n")
    assert "| up | pass | 1800 | everything is created |" in text
    assert "| verify | not shown | 0 | journeys pass |" in text
    assert "## Not shown: only a real account can\n\n- verify: running pods" in text
    assert "Nothing. On an account the stack costs 0.50 USD an hour with pools at min, 3.00 at max." in text


def test_a_failure_and_what_did_not_run_after_it_are_shown() -> None:
    failed = Outcome(name="change", shows="x", failure="up: exit 1: error: no")
    skipped = Outcome(name="destroy", shows="y", ran=False)
    found = rehearsal(UP, failed, skipped)
    assert not found.passed
    text = render(found)
    assert text.startswith("# Rehearsal of dev: FAILED\n")
    assert "- change: up: exit 1: error: no" in text
    assert "| destroy | not run |" in text


def test_on_an_account_the_cost_is_that_of_its_hours() -> None:
    text = render(rehearsal(UP, simulated=False))
    assert "a real account" in text
    assert "0.25 to 1.50 USD in 0.5 hours" in text
