"""Verdicts: what a profile promises, held against what a run measured. Pure: no clock, no network."""

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

KEEPS_UP: Final = 0.95
"""Share of the asked rate that a generator must have sent; below it the run says nothing."""
LATE_MS: Final = 25.0
"""How late the generator may send one arrival in a hundred, where the promise does not allow more."""

Milliseconds = Annotated[float, Field(gt=0, le=600_000)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Outcome(StrEnum):
    """What a run, or a gate of several, came to."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    """The generator, not the platform, was too slow: nothing is known."""


class Slo(BaseModel):
    """What a profile promises; a figure left out is not judged."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=to_camel, populate_by_name=True
    )

    p50_ms: Milliseconds | None = None
    p95_ms: Milliseconds | None = None
    p99_ms: Milliseconds | None = None
    error_ratio: Share = 0.0
    """Operations that failed, of all; wrong answers are never allowed."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Least rate of good answers."""
    saturation_per_second: Annotated[float, Field(gt=0)] | None = None
    """Least rate that must still be kept up with; a ramp alone can tell."""

    @model_validator(mode="after")
    def _in_order(self) -> "Slo":
        """Refuse percentiles that no latency could keep."""
        given = [(name, getattr(self, name)) for name in ("p50_ms", "p95_ms", "p99_ms")]
        stated = [(name, value) for name, value in given if value is not None]
        for (lower, low), (higher, high) in itertools.pairwise(stated):
            if low > high:
                raise ValueError(f"{to_camel(lower)} {low:g} is above {to_camel(higher)} {high:g}")
        return self


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What a run measured, its warm-up left out. Latency counts from the moment an arrival was due."""

    asked: int
    """Arrivals that were due."""
    answered: int
    """Operations answered well."""
    failed: int
    """Operations refused, timed out, or without an answer when the run ended."""
    wrong: int
    """Operations answered with something other than expected, warm-up included."""
    seconds: float
    """How long arrivals were due."""
    asked_per_second: float
    sent_per_second: float
    """What the generator handed to its users in that time."""
    answered_per_second: float
    """What was answered well in that time."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    """How late the generator handed arrivals to its users; no fault of the platform."""
    generator_cpu: float
    """Share of one processor that the generator spent."""
    saturation_per_second: float | None = None
    """Highest rate of a ramp that was kept up with."""

    @property
    def error_ratio(self) -> float:
        """Operations that failed or were answered wrongly, of all that ended."""
        ended = self.answered + self.failed + self.wrong
        return (self.failed + self.wrong) / ended if ended else 1.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run came to, and why."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    """One line each; none where it passed."""


def judge(statistics: Statistics, slo: Slo) -> Verdict:
    """Return the verdict on a run: invalid before failed, failed before passed.

    A wrong answer is a failure whatever the generator did: it was given.
    """
    if statistics.wrong:
        wrong = f"{statistics.wrong} operations were answered wrongly"
        return Verdict(outcome=Outcome.FAILED, reasons=(wrong, *_broken(statistics, slo)))
    if reasons := _generator(statistics, slo):
        return Verdict(outcome=Outcome.INVALID, reasons=reasons)
    reasons = _broken(statistics, slo)
    return Verdict(outcome=Outcome.FAILED if reasons else Outcome.PASSED, reasons=reasons)


def _generator(statistics: Statistics, slo: Slo) -> tuple[str, ...]:
    """Return why the run says nothing of the platform."""
    reasons: list[str] = []
    if not statistics.asked:
        reasons.append("nothing was asked")
    elif statistics.sent_per_second < KEEPS_UP * statistics.asked_per_second:
        reasons.append(
            f"the generator sent {statistics.sent_per_second:.1f}/s, "
            f"asked were {statistics.asked_per_second:.1f}/s"
        )
    bound = max(LATE_MS, (slo.p99_ms or 0.0) / 2)
    if statistics.late_p99_ms > bound:
        reasons.append(
            f"the generator was {statistics.late_p99_ms:.0f} ms late at p99 (at most {bound:.0f} ms)"
        )
    return tuple(reasons)


def _broken(statistics: Statistics, slo: Slo) -> tuple[str, ...]:
    """Return one line for each promise that was not kept."""
    reasons: list[str] = []
    if statistics.error_ratio > slo.error_ratio:
        reasons.append(f"error ratio {statistics.error_ratio:.4f}, at most {slo.error_ratio:g}")
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        limit: float | None = getattr(slo, name)
        measured: float = getattr(statistics, name)
        if limit is not None and measured > limit:
            reasons.append(f"{name.removesuffix('_ms')} {measured:.1f} ms, at most {limit:g} ms")
    if slo.requests_per_second and statistics.answered_per_second < slo.requests_per_second:
        reasons.append(
            f"{statistics.answered_per_second:.1f} good answers/s, at least {slo.requests_per_second:g}/s"
        )
    if slo.saturation_per_second and (statistics.saturation_per_second or 0) < slo.saturation_per_second:
        reasons.append(
            f"saturated at {statistics.saturation_per_second or 0:.1f}/s, "
            f"must hold {slo.saturation_per_second:g}/s"
        )
    return tuple(reasons)


def combined(verdicts: dict[str, Verdict]) -> Verdict:
    """Return the verdict on a gate: the worst of its runs', each reason with the name of its run."""
    worst = Outcome.PASSED
    for outcome in (Outcome.INVALID, Outcome.FAILED):
        if any(each.outcome is outcome for each in verdicts.values()):
            worst = outcome
    reasons = tuple(f"{name}: {reason}" for name, each in verdicts.items() for reason in each.reasons)
    return Verdict(outcome=worst, reasons=reasons)


def as_document(slo: Slo) -> dict[str, Any]:
    """Return what is promised, as reports show it: only what is judged."""
    return slo.model_dump(exclude_none=True)
