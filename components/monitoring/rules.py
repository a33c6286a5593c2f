"""Alerting and recording rules as records, and their PrometheusRule groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.timing import Timing, duration


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording rule."""

    record: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule."""

    name: str
    expression: str
    severity: str
    """`critical` pages the person on call, `warning` can wait until morning."""
    hold_seconds: int
    summary: str
    """One sentence for the person on call; `{{ $labels.x }}` names the affected object."""
    remedy: str
    """Where to look first."""
    fires_within_seconds: int
    """Maximum seconds from the fault to the notification; journeys verify it."""


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


def alert(
    timing: Timing,
    name: str,
    expression: str,
    summary: str,
    remedy: str,
    *,
    severity: str = "critical",
    hold_seconds: int | None = None,
    share: float = 0.0,
) -> Alert:
    """Return an alert that is held and counted as the timing says.

    Args:
        timing: durations of the stack's monitoring.
        name: of the alert.
        expression: PromQL that is true while the fault lasts.
        summary: one sentence for the person on call.
        remedy: where to look first.
        severity: `critical` or `warning`.
        hold_seconds: how long the expression must be true; the usual hold if not given.
        share: how much of the counting window must be bad before the expression is true.
    """
    hold = timing.hold_seconds if hold_seconds is None else hold_seconds
    needed = round(share * timing.window_seconds)
    return Alert(
        name=name,
        expression=expression,
        severity=severity,
        hold_seconds=hold,
        summary=summary,
        remedy=remedy,
        fires_within_seconds=timing.fires_within_seconds(hold, needed),
    )


def in_namespaces(*namespaces: str) -> str:
    """Return the label matcher of series of these namespaces."""
    return f'namespace="{namespaces[0]}"' if len(namespaces) == 1 else f'namespace=~"{"|".join(namespaces)}"'


def deployment_down(*namespaces: str, others: str = "") -> str:
    """Return the expression of a Deployment in some namespaces that has no available pod.

    Args:
        namespaces: where the Deployments are.
        others: further label matchers, each after a comma.
    """
    return f"kube_deployment_status_replicas_available{{{in_namespaces(*namespaces)}{others}}} < 1"
