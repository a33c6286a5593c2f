"""The few numbers that one night is compared with another by."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from harness.evidence.night import Night, State

AT_REST = "up"
"""The phase after which memory is that of a platform at rest."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a number is called, and which way is better."""

    name: str
    title: str
    unit: str
    goal: float | None = None
    higher_is_better: bool = False


FIGURES = (
    Figure(name="seconds", title="Whole night", unit="s", goal=25 * 60),
    Figure(name="up_seconds", title="Up from nothing", unit="s", goal=8 * 60),
    Figure(name="chain_seconds", title="Data to prediction", unit="s", goal=4 * 60),
    Figure(name="memory_mib", title="Memory at rest", unit="MiB", goal=4096),
    Figure(name="saturation_per_second", title="Saturation", unit="requests/s", higher_is_better=True),
    Figure(
        name="bare_ratio",
        title="Gateway against a bare app",
        unit="×",
        goal=0.8,
        higher_is_better=True,
    ),
    Figure(name="half_p99_ms", title="p99 at half of saturation", unit="ms"),
    Figure(name="monitoring_mib", title="Memory of monitoring", unit="MiB", goal=700),
    Figure(name="kept", title="Promises kept", unit="", higher_is_better=True),
)


def of_night(night: Night) -> dict[str, float]:
    """Return the figures that a night measured; what was not reached is left out."""
    found: dict[str, float] = {"kept": float(outcomes(night)["passed"])}
    if night.is_green:
        found["seconds"] = night.seconds
    up = night.phase("up")
    if up.state is State.PASSED:
        found["up_seconds"] = up.seconds
    if night.pipeline.get("seconds"):
        found["chain_seconds"] = float(night.pipeline["seconds"])
    if rows := night.memory.get(AT_REST):
        found["memory_mib"] = sum(row["proportional"] for row in rows)
    found |= _of_load(night.load)
    return {name: round(value, 3) for name, value in found.items()}


def _of_load(load: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    if saturation := load.get("saturation"):
        found["saturation_per_second"] = saturation["gateway_per_second"]
        found["bare_ratio"] = saturation["ratio"]
        if saturation.get("p99_ms_at_half") is not None:
            found["half_p99_ms"] = saturation["p99_ms_at_half"]
    if load.get("monitoring_mib") is not None:
        found["monitoring_mib"] = load["monitoring_mib"]
    return found


def outcomes(night: Night) -> Counter[str]:
    """Return how many promises passed, failed and were skipped."""
    return Counter(promise["outcome"] for promise in night.promises)
