"""The page of a rehearsal: what each step showed, what it did not, and what it cost by the estimate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_PASSED, _FAILED, _NOT_RUN, _NOT_SHOWN = "pass", "FAIL", "not run", "not shown"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended."""

    name: str
    shows: str
    seconds: float = 0.0
    failure: str = ""
    not_shown: str = ""
    ran: bool = True

    @property
    def result(self) -> str:
        """One word for the table."""
        if self.not_shown:
            return _NOT_SHOWN
        if not self.ran:
            return _NOT_RUN
        return _FAILED if self.failure else _PASSED


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A finished rehearsal."""

    stack: str
    began: datetime
    simulated: bool
    outcomes: tuple[Outcome, ...]
    hourly: tuple[Decimal, Decimal]
    """USD per hour by the estimate, with pools at min and at max."""

    @property
    def passed(self) -> bool:
        """Whether every step that can run here has passed."""
        return all(each.result in (_PASSED, _NOT_SHOWN) for each in self.outcomes)

    @property
    def seconds(self) -> float:
        """Seconds of all steps."""
        return sum(each.seconds for each in self.outcomes)


def render(rehearsal: Rehearsal) -> str:
    """Return the page as Markdown."""
    where = "the stand-in for AWS: no resource was created" if rehearsal.simulated else "a real account"
    verdict = "passed" if rehearsal.passed else "FAILED"
    lines = [
        f"# Rehearsal of {rehearsal.stack}: {verdict}",
        "",
        f"{rehearsal.began:%Y-%m-%d %H:%M} UTC, on {where}.",
        "",
        "| step | result | seconds | what it shows |",
        "|---|---|---:|---|",
        *(
            f"| {each.name} | {each.result} | {each.seconds:.0f} | {each.shows} |"
            for each in rehearsal.outcomes
        ),
    ]
    lines += _section("Failures", [(each.name, each.failure) for each in rehearsal.outcomes if each.failure])
    hidden = [(each.name, each.not_shown) for each in rehearsal.outcomes if each.not_shown]
    lines += _section("Not shown: only a real account can", hidden)
    return "\n".join([*lines, "", "## Cost by the estimate", "", _cost(rehearsal), ""])


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {name}: {text}" for name, text in rows)] if rows else []


def _cost(rehearsal: Rehearsal) -> str:
    low, high = rehearsal.hourly
    rate = f"{low:,.2f} USD an hour with pools at min, {high:,.2f} at max"
    if rehearsal.simulated:
        return f"Nothing. On an account the stack costs {rate}."
    hours = Decimal(rehearsal.seconds) / 3600
    return f"{low * hours:,.2f} to {high * hours:,.2f} USD in {hours:.1f} hours: {rate}."
