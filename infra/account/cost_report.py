"""The estimate for people, for programs, and as the table that the documentation holds."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from infra.account import cost
from infra.account.demand import Demand
from infra.account.prices import Prices


def text(stack: str, demand: Demand, prices: Prices) -> str:
    """Return the estimate as a person reads it.

    Raises:
        PriceError: a type or class has no price in the region.
    """
    found = cost.lines(demand, prices)
    rows = [("component", "what", "how", "at min", "at max")]
    rows += [
        (line.component, line.item, line.how, money(line.minimum), money(line.maximum)) for line in found
    ]
    low, high = cost.total(found)
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
            "an estimate from list prices as of:",
            *(f"  {source}" for source in prices.sources()),
            "not in it:",
            *(f"  {clause}" for clause in cost.EXCLUDED),
        ]
    )


def summary(stack: str, demand: Demand, prices: Prices) -> dict[str, object]:
    """Return the estimate as a program reads it.

    Raises:
        PriceError: a type or class has no price in the region.
    """
    found = cost.lines(demand, prices)
    low, high = cost.total(found)
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
            for line in found
        ],
        "prices": list(prices.sources()),
        "excluded": list(cost.EXCLUDED),
    }


def table(estimates: Mapping[str, Iterable[cost.Line]]) -> str:
    """Return a table in Markdown: a row for each component, two columns for each stack, and the totals."""
    kept = {stack: tuple(found) for stack, found in estimates.items()}
    groups = list(dict.fromkeys(_group(line) for found in kept.values() for line in found))
    rows = [["USD a month", *(f"{stack}, {when}" for stack in kept for when in ("at min", "at max"))]]
    rows.append(["---", *("---:" for _ in rows[0][1:])])
    for group in groups:
        parts = [[line for line in found if _group(line) == group] for found in kept.values()]
        rows.append([group, *(money(each) if part else "" for part in parts for each in cost.total(part))])
    rows.append(
        ["**total**", *(f"**{money(each)}**" for found in kept.values() for each in cost.total(found))]
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _group(line: cost.Line) -> str:
    return "GPU pools" if line.component.startswith("GPU pool ") else line.component


def money(amount: Decimal) -> str:
    """Return an amount with its thousands apart."""
    return f"{amount:,}"


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)]
    right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right])
