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
            *(f"note: {each}" for each in cost.notes(demand, prices)),
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
        "notes": list(cost.notes(demand, prices)),
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


def difference(before: Mapping[str, Iterable[cost.Line]]) -> str:
    """Return a table of what a month of the second of two stacks costs more or less than of the first."""
    (first, old), (second, new) = ((name, tuple(lines)) for name, lines in before.items())
    names = list(dict.fromkeys(line.component for line in (*old, *new)))
    rows = [
        ("component", *(f"{name} {when}" for when in ("at min", "at max") for name in (first, second, "+/-")))
    ]
    for name in names:
        sums = [cost.total(line for line in lines if line.component == name) for lines in (old, new)]
        if sums[0] != sums[1]:
            rows.append((name, *_changes(*sums)))
    rows.append(("total", *_changes(cost.total(old), cost.total(new))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    same = len(names) - (len(rows) - 2)
    return "\n".join([*lines, f"USD a month; {same} of {len(names)} components cost the same"])


def _changes(old: tuple[Decimal, Decimal], new: tuple[Decimal, Decimal]) -> list[str]:
    return [
        text
        for before, after in zip(old, new, strict=True)
        for text in (f"{before:,.2f}", f"{after:,.2f}", f"{after - before:+,.2f}")
    ]


def _group(line: cost.Line) -> str:
    return "GPU pools" if line.component.startswith("GPU pool ") else line.component


def money(amount: Decimal) -> str:
    """Return an amount with thousands separators."""
    return f"{amount:,}"


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)]
    right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right])
