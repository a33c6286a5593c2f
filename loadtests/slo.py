"""Service levels of a profile, and the verdict on a run's statistics. Pure: no clock, no network."""

import itertools
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from delivery.verdict import Outcome, Verdict

KEEPS_UP: Final = 0.95
"""Share of the requested rate that the generator must have sent; below it the run is inconclusive."""
LATE_MS: Final = 25.0
"""How late the generator may send one arrival in a hundred, unless half of the p99 limit is more."""

Milliseconds = Annotated[float, Field(gt=0, le=600_000)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Slo(BaseModel):
    """Service levels of a profile; one that is left out is not judged."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, alias_generator=to_camel, populate_by_name=True
    )

    p50_ms: Milliseconds | None = None
    p95_ms: Milliseconds | None = None
    p99_ms: Milliseconds | None = None
    error_ratio: Share = 0.0
    """Maximum share of failed operations; wrong answers are never allowed."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Minimum rate of good answers."""
    saturation_per_second: Annotated[float, Field(gt=0)] | None = None
    """Minimum rate that must be sustained; only a ramp measures it."""

    @model_validator(mode="after")
    def _in_order(self) -> "Slo":
        """Reject percentiles that contradict each other."""
        given = [(name, getattr(self, name)) for name in ("p50_ms", "p95_ms", "p99_ms")]
        stated = [(name, value) for name, value in given if value is not None]
        for (lower, low), (higher, high) in itertools.pairwise(stated):
            if low > high:
                raise ValueError(f"{to_camel(lower)} {low:g} is above {to_camel(higher)} {high:g}")
        return self


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Figures of a run without its warm-up. Latency counts from the due time of an arrival."""

    asked: int
    """Arrivals that were due."""
    answered: int
    """Operations with a good answer."""
    failed: int
    """Operations refused, timed out, or without an answer when the run ended."""
    wrong: int
    """Operations with an unexpected answer, including the warm-up."""
    seconds: float
    """Length of the measured phases."""
    asked_per_second: float
    sent_per_second: float
    """Rate at which the generator handed arrivals to its users."""
    answered_per_second: float
    """Rate of good answers."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    """How late the generator handed arrivals to its users; the platform has no part in it."""
    generator_cpu: float
    """Share of one processor that the generator used."""
    saturation_per_second: float | None = None
    """Highest rate of a ramp that was sustained."""

    @property
    def error_ratio(self) -> float:
        """Share of ended operations that failed or were answered wrongly."""
        ended = self.answered + self.failed + self.wrong
        return (self.failed + self.wrong) / ended if ended else 1.0


def judge(statistics: Statistics, slo: Slo) -> Verdict:
    """Return the verdict on a run: INVALID takes precedence over FAILED.

    A wrong answer fails the run even if the generator was too slow.
    """
    if statistics.wrong:
        wrong = f"{statistics.wrong} operations were answered wrongly"
        return Verdict(outcome=Outcome.FAILED, reasons=(wrong, *_missed(statistics, slo)))
    if reasons := _generator_faults(statistics, slo):
        return Verdict(outcome=Outcome.INVALID, reasons=reasons)
    reasons = _missed(statistics, slo)
    return Verdict(outcome=Outcome.FAILED if reasons else Outcome.PASSED, reasons=reasons)


def _generator_faults(statistics: Statistics, slo: Slo) -> tuple[str, ...]:
    """Return why the run is inconclusive."""
    reasons: list[str] = []
    if not statistics.asked:
        reasons.append("no operation was due")
    elif statistics.sent_per_second < KEEPS_UP * statistics.asked_per_second:
        reasons.append(
            f"the generator sent {statistics.sent_per_second:.1f}/s "
            f"instead of {statistics.asked_per_second:.1f}/s"
        )
    bound = max(LATE_MS, (slo.p99_ms or 0.0) / 2)
    if statistics.late_p99_ms > bound:
        reasons.append(
            f"the generator was {statistics.late_p99_ms:.0f} ms late at p99 (maximum {bound:.0f} ms)"
        )
    return tuple(reasons)


def _missed(statistics: Statistics, slo: Slo) -> tuple[str, ...]:
    """Return one line for each service level that was missed."""
    reasons: list[str] = []
    if statistics.error_ratio > slo.error_ratio:
        reasons.append(f"error ratio {statistics.error_ratio:.4f}, maximum {slo.error_ratio:g}")
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        limit: float | None = getattr(slo, name)
        measured: float = getattr(statistics, name)
        if limit is not None and measured > limit:
            reasons.append(f"{name.removesuffix('_ms')} {measured:.1f} ms, maximum {limit:g} ms")
    if slo.requests_per_second and statistics.answered_per_second < slo.requests_per_second:
        reasons.append(
            f"{statistics.answered_per_second:.1f} good answers/s, minimum {slo.requests_per_second:g}/s"
        )
    if slo.saturation_per_second and (statistics.saturation_per_second or 0) < slo.saturation_per_second:
        reasons.append(
            f"saturated at {statistics.saturation_per_second or 0:.1f}/s, "
            f"minimum {slo.saturation_per_second:g}/s"
        )
    return tuple(reasons)


def as_document(slo: Slo) -> dict[str, Any]:
    """Return the service levels as reports show them: only those that are judged."""
    return slo.model_dump(exclude_none=True)
