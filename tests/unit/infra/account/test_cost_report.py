"""The printed estimates add up, and name their sources."""

from dataclasses import replace
from decimal import Decimal

import pytest

from infra.account import cost, cost_report
from infra.account.demand import Demand, demand_of
from infra.account.prices import load_prices
from infra.settings import reader
from tests.unit.infra import choices

PRICES = load_prices("us-east-1")
STACKS = ("dev", "staging", "prod")


def stack_demand(stack: str) -> Demand:
    return demand_of(reader.parse(choices.of_stack(stack)), stack)


def amount(text: str) -> Decimal:
    return Decimal(text.strip("* ").replace(",", "") or "0")


@pytest.mark.parametrize("stack", STACKS)
def test_the_rows_that_are_shown_add_up_to_the_total_that_is_shown(stack: str) -> None:
    shown = cost_report.text(stack, stack_demand(stack), PRICES).splitlines()
    rule = shown[3]
    rows = shown[4 : shown.index(rule, 4)]
    assert len(rows) == len(cost.lines(stack_demand(stack), PRICES))
    totals = shown[shown.index(rule, 4) + 1].split()
    for column in (-2, -1):
        assert sum(amount(row.split()[column]) for row in rows) == amount(totals[column])


@pytest.mark.parametrize("stack", STACKS)
def test_the_summary_says_what_the_text_says(stack: str) -> None:
    demand = stack_demand(stack)
    summary = cost_report.summary(stack, demand, PRICES)
    text = cost_report.text(stack, demand, PRICES)
    assert f"{Decimal(str(summary['minimum'])):,}" in text
    assert f"{Decimal(str(summary['maximum'])):,}" in text
    assert all(source in text for source in PRICES.sources())
    assert all(clause in text for clause in cost.EXCLUDED)


def test_the_table_adds_up_for_every_stack() -> None:
    found = {stack: cost.lines(stack_demand(stack), PRICES) for stack in STACKS}
    header, rule, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in cost_report.table(found).splitlines()
    ]
    assert header[1:3] == ["dev, at min", "dev, at max"]
    assert set(rule[1:]) == {"---:"}
    *parts, total = rows
    assert [row[0] for row in parts].count("GPU pools") == 1
    for column in range(1, len(header)):
        assert sum(amount(row[column]) for row in parts) == amount(total[column])
    assert amount(total[-1]) == cost.total(found["prod"])[1]


def test_a_component_that_a_stack_lacks_leaves_its_cell_empty() -> None:
    line = cost.Line(component="A", item="", how="", minimum=Decimal(1), maximum=Decimal(2))
    rows = cost_report.table({"with": [line], "without": []}).splitlines()
    assert rows[2] == "| A | 1.00 | 2.00 |  |  |"


def test_the_difference_lists_what_changed_and_adds_up() -> None:
    before, after = stack_demand("dev"), replace(stack_demand("dev"), nat_gateways=2, volumes_gib=70)
    shown = cost_report.difference(
        {"old": cost.lines(before, PRICES), "new": cost.lines(after, PRICES)}
    ).splitlines()
    header, *rows, total, last = shown
    assert " ".join(header.split()).startswith("component old at min new at min +/- at min old at max")
    assert [row.split("  ")[0] for row in rows] == ["Vpc", "Persistent volumes"]
    # A gateway at 0.045 and its address at 0.005, and 50 GiB at 0.08.
    assert rows[0].split()[3] == "+36.50"
    assert rows[1].split()[4] == "+4.00"
    assert total.split()[3] == "+40.50"
    assert last.endswith("components cost the same")


def test_a_stack_does_not_differ_from_itself() -> None:
    lines = cost.lines(stack_demand("prod"), PRICES)
    assert len(cost_report.difference({"prod": lines, "again": lines}).splitlines()) == 3
