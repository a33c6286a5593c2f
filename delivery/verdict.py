"""Verdicts on measurements, and how several combine. Pure: no clock, no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Outcome of one measurement, or of a gate that consists of several."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    """Inconclusive: the load generator was too slow, so nothing is known about the platform."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An outcome and its reasons."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    """One line each; empty if it passed."""


def combine(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return the worst of several verdicts, with each reason headed by the name of its measurement."""
    worst = Outcome.PASSED
    for outcome in (Outcome.INVALID, Outcome.FAILED):
        if any(each.outcome is outcome for each in verdicts.values()):
            worst = outcome
    reasons = tuple(f"{name}: {reason}" for name, each in verdicts.items() for reason in each.reasons)
    return Verdict(outcome=worst, reasons=reasons)
