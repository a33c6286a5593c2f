"""Alerting and recording rules as records, and how they become a PrometheusRule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.timing import Timing, duration


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A series that is computed once and read often."""

    record: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A condition that someone must hear of."""

    name: str
    expression: str
    severity: str
    """`critical` wakes someone, `warning` waits for the morning."""
    hold_seconds: int
    summary: str
    """One sentence for whoever is woken; `{{ $labels.x }}` names what is concerned."""
    remedy: str
    """Where to look first."""
    fires_within_seconds: int
    """From the fault to the notification: a promise that tests hold the stack to."""


Rule = Recording | Alert


def group(name: str, rules: Sequence[Rule], timing: Timing) -> dict[str, Any]:
    """Return a rule group as Prometheus reads it."""
    return {
        "name": name,
        "interval": duration(timing.scrape_seconds),
        "rules": [_rule(each) for each in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    if isinstance(rule, Recording):
        return {"record": rule.record, "expr": rule.expression}
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": duration(rule.hold_seconds),
        "labels": {"severity": rule.severity},
        "annotations": {
            "summary": rule.summary,
            "remedy": rule.remedy,
            "fires_within": duration(rule.fires_within_seconds),
        },
    }
