"""Formats the cost estimate as text, as data for JSON, and as the Markdown table of the documentation."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from infra.account import cost
from infra.account.demand import Demand
from infra.account.prices import Prices


def text(stack: str, demand: Demand, prices: Prices) -> str:
    """Return the estimate as text.

    Raises:
        PriceError: an instance type or database class has no price in the region.
    """
    lines = cost.lines(demand, prices)
    rows = [("component", "what", "how", "at min", "at max")]
    rows += [
        (line.component, line.item, line.how, money(line.minimum), money(line.maximum)) for line in lines
    ]
    low, high = cost.total(lines)
    rows.append(("total", "", "USD a month", money(low), money(high)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    table = [_row(row, widths) for row in rows]
    rule = "-" * len(table[0])
    return "\n".join(
        [
            f"stack {stack} in {demand.region}: USD a month of {cost.HOURS} hours, pools at min and at max",
            "",
            table[0],
            rule,
            *table[1:-1],
            rule,
            table[-1],
            "",
            "estimated from list prices as of:",
            *(f"  {source}" for source in prices.sources()),
            "not included:",
            *(f"  {clause}" for clause in cost.EXCLUDED),
        ]
    )


def summary(stack: str, demand: Demand, prices: Prices) -> dict[str, object]:
    """Return the estimate as data for JSON.

    Raises:
        PriceError: an instance type or database class has no price in the region.
    """
    lines = cost.lines(demand, prices)
    low, high = cost.total(lines)
    return {
        "stack": stack,
        "region": demand.region,
        "currency": "USD",
        "hours": int(cost.HOURS),
        "minimum": str(low),
        "maximum": str(high),
        "lines": [
            {
                "component": line.component,
                "item": line.item,
                "how": line.how,
                "minimum": str(line.minimum),
                "maximum": str(line.maximum),
            }
            for line in lines
        ],
        "prices": list(prices.sources()),
        "excluded": list(cost.EXCLUDED),
    }


def table(estimates: Mapping[str, Iterable[cost.Line]]) -> str:
    """Return a Markdown table with a row per component, two columns per stack, and the totals."""
    stacks = {stack: tuple(lines) for stack, lines in estimates.items()}
    groups = list(dict.fromkeys(_group(line) for lines in stacks.values() for line in lines))
    rows = [["USD a month", *(f"{stack}, {when}" for stack in stacks for when in ("at min", "at max"))]]
    rows.append(["---", *("---:" for _ in rows[0][1:])])
    for group in groups:
        parts = [[line for line in lines if _group(line) == group] for lines in stacks.values()]
        rows.append([group, *(money(each) if part else "" for part in parts for each in cost.total(part))])
    rows.append(
        ["**total**", *(f"**{money(each)}**" for lines in stacks.values() for each in cost.total(lines))]
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _group(line: cost.Line) -> str:
    return "GPU pools" if line.component.startswith("GPU pool ") else line.component


def money(amount: Decimal) -> str:
    """Return an amount with thousands separators."""
    return f"{amount:,}"


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)]
    right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right])
