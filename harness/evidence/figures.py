"""Figures by which nights are compared."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from harness.evidence.night import Night, State

AT_REST = "up"
"""Phase after which the memory is that of an idle platform."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Name of a figure, its goal, and which direction is better."""

    name: str
    title: str
    unit: str
    goal: float | None = None
    higher_is_better: bool = False


FIGURES = (
    Figure(name="seconds", title="Night without its slow journeys", unit="s", goal=25 * 60),
    Figure(name="up_seconds", title="Up from nothing", unit="s", goal=8 * 60),
    Figure(name="chain_seconds", title="Data to prediction", unit="s", goal=4 * 60),
    Figure(name="memory_mib", title="Memory at rest", unit="MiB", goal=4096),
    Figure(name="saturation_per_second", title="Saturation", unit="requests/s", higher_is_better=True),
    Figure(
        name="bare_ratio",
        title="Gateway compared with a bare app",
        unit="×",
        goal=0.8,
        higher_is_better=True,
    ),
    Figure(name="half_p99_ms", title="p99 at half of saturation", unit="ms"),
    Figure(name="monitoring_mib", title="Memory of monitoring", unit="MiB", goal=700),
    Figure(name="promises_passed", title="Promises passed", unit="", higher_is_better=True),
)


def of_night(night: Night) -> dict[str, float]:
    """Return the figures that a night measured; those of phases not reached are left out."""
    measured: dict[str, float] = {"promises_passed": float(outcomes(night)["passed"])}
    if night.is_green:
        measured["seconds"] = night.seconds - sum(
            each.seconds for each in night.phases if each.name == "slow"
        )
    up = night.phase("up")
    if up.state is State.PASSED:
        measured["up_seconds"] = up.seconds
    if night.pipeline.get("seconds"):
        measured["chain_seconds"] = float(night.pipeline["seconds"])
    if rows := night.memory.get(AT_REST):
        measured["memory_mib"] = sum(row["proportional"] for row in rows)
    measured |= _of_load(night.load)
    return {name: round(value, 3) for name, value in measured.items()}


def _of_load(load: dict[str, Any]) -> dict[str, float]:
    measured: dict[str, float] = {}
    if saturation := load.get("saturation"):
        measured["saturation_per_second"] = saturation["gateway_per_second"]
        measured["bare_ratio"] = saturation["ratio"]
        if saturation.get("p99_ms_at_half") is not None:
            measured["half_p99_ms"] = saturation["p99_ms_at_half"]
    if load.get("monitoring_mib") is not None:
        measured["monitoring_mib"] = load["monitoring_mib"]
    return measured


def outcomes(night: Night) -> Counter[str]:
    """Return how many promises passed, failed and were skipped."""
    return Counter(promise["outcome"] for promise in night.promises)
