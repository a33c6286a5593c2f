"""Aggregates operations into statistics, series and steps of a report. Pure: no clock, no network."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from loadtests.report import Failure, Operation, Second, Step
from loadtests.shapes import Phase
from loadtests.slo import KEEPS_UP, Statistics

IN_A_ROW: Final = 2
"""Consecutive steps not sustained that mean saturation: one alone may be a hiccup of the machine."""


class Observation(NamedTuple):
    """One operation; times are seconds since the start of the run."""

    operation: str
    phase: int
    """Index of the shape's phase; -1 is the warm-up."""
    due: float
    sent: float
    """When the generator handed it to its users, or the end of the run if it never did."""
    ended: float
    """When it was answered or abandoned."""
    fault: str = ""
    """Why it had no good answer; empty if it had."""
    wrong: bool = False
    """Whether it was answered wrongly."""

    @property
    def latency_ms(self) -> float:
        """Latency from the due time, not from the moment a user was free to send it."""
        return (self.ended - self.due) * 1000


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of an ordered sequence; 0 of an empty one."""
    if not ordered:
        return 0.0
    return ordered[max(0, min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1))]


def _latencies(observations: Iterable[Observation]) -> list[float]:
    return sorted(each.latency_ms for each in observations)


def _good(observations: Iterable[Observation]) -> int:
    return sum(not each.fault for each in observations)


def statistics(
    observations: Sequence[Observation],
    phases: Sequence[Phase],
    *,
    warm_up_seconds: float,
    generator_cpu: float,
    ramp: bool = False,
) -> Statistics:
    """Return the statistics of a run; for a ramp, of the rates that were sustained, if any.

    Args:
        observations: All operations that were due.
        phases: Phases that started.
        warm_up_seconds: Length of the warm-up before the first phase.
        generator_cpu: Share of a processor that the generator used.
        ramp: Whether the phases are the steps of a ramp.
    """
    ramp_steps = steps(observations, phases, warm_up_seconds) if ramp else []
    held = {index for index, step in enumerate(ramp_steps) if step.held}
    # A ramp that sustained no step is judged by all of them: there is nothing else to judge it by.
    judged = held or set(range(len(phases)))
    counted = [each for each in observations if each.phase in judged]
    seconds = sum(phases[index].seconds for index in judged)
    windows = [window for index, window in enumerate(_windows(phases, warm_up_seconds)) if index in judged]
    ordered = _latencies(counted)
    late = sorted((each.sent - each.due) * 1000 for each in counted)
    wrong = [each for each in observations if each.wrong]
    return Statistics(
        asked=len(counted),
        answered=_good(counted),
        failed=sum(bool(each.fault) and not each.wrong for each in counted),
        wrong=len(wrong),
        seconds=seconds,
        asked_per_second=_rate(len(counted), seconds),
        sent_per_second=_rate(_within((each.sent for each in counted), windows), seconds),
        answered_per_second=_rate(
            _within((each.ended for each in observations if not each.fault), windows), seconds
        ),
        p50_ms=percentile(ordered, 0.50),
        p95_ms=percentile(ordered, 0.95),
        p99_ms=percentile(ordered, 0.99),
        max_ms=ordered[-1] if ordered else 0.0,
        late_p99_ms=percentile(late, 0.99),
        generator_cpu=generator_cpu,
        saturation_per_second=saturation(ramp_steps) if ramp else None,
    )


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds else 0.0


def _windows(phases: Sequence[Phase], began: float) -> list[tuple[float, float]]:
    windows: list[tuple[float, float]] = []
    for phase in phases:
        windows.append((began, began + phase.seconds))
        began += phase.seconds
    return windows


def _within(moments: Iterable[float], windows: Sequence[tuple[float, float]]) -> int:
    return sum(any(begin <= moment < end for begin, end in windows) for moment in moments)


def steps(observations: Sequence[Observation], phases: Sequence[Phase], warm_up_seconds: float) -> list[Step]:
    """Return one step per phase: latency against rate."""
    by_phase: dict[int, list[Observation]] = defaultdict(list)
    for each in observations:
        by_phase[each.phase].append(each)
    result: list[Step] = []
    for index, (phase, window) in enumerate(zip(phases, _windows(phases, warm_up_seconds), strict=True)):
        mine = by_phase[index]
        ordered = _latencies(mine)
        asked = _rate(len(mine), phase.seconds)
        sent = _rate(_within((each.sent for each in mine), [window]), phase.seconds)
        ended = (each.ended for each in observations if not each.fault)
        answered = _rate(_within(ended, [window]), phase.seconds)
        result.append(
            Step(
                asked_per_second=asked,
                seconds=phase.seconds,
                sent_per_second=sent,
                answered_per_second=answered,
                p50_ms=percentile(ordered, 0.50),
                p95_ms=percentile(ordered, 0.95),
                p99_ms=percentile(ordered, 0.99),
                failed=len(mine) - _good(mine),
                held=bool(mine) and min(sent, answered) >= KEEPS_UP * asked,
            )
        )
    return result


def saturated_at(ramp_steps: Sequence[Step]) -> int | None:
    """Return the index of the step at which a ramp saturated; None if it never did."""
    for index in range(len(ramp_steps) - IN_A_ROW + 1):
        if not any(step.held for step in ramp_steps[index : index + IN_A_ROW]):
            return index
    return None


def saturation(ramp_steps: Sequence[Step]) -> float:
    """Return the highest rate of good answers, up to the step that saturated."""
    last = saturated_at(ramp_steps)
    return max(
        (step.answered_per_second for step in ramp_steps[: None if last is None else last + 1]), default=0.0
    )


def find_generator_limit(ramp_steps: Sequence[Step]) -> str | None:
    """Return the reason if the generator, not the platform, ended a ramp."""
    last = saturated_at(ramp_steps)
    if last is None or ramp_steps[last].sent_per_second >= KEEPS_UP * ramp_steps[last].asked_per_second:
        return None
    step = ramp_steps[last]
    return (
        f"the generator sent {step.sent_per_second:.1f}/s instead of {step.asked_per_second:.1f}/s at the end"
    )


def operations(observations: Sequence[Observation]) -> list[Operation]:
    """Return figures by kind of operation, without the warm-up except for wrong answers."""
    result: list[Operation] = []
    for name in sorted({each.operation for each in observations}):
        mine = [each for each in observations if each.operation == name and each.phase >= 0]
        ordered = _latencies(mine)
        result.append(
            Operation(
                name=name,
                count=len(mine),
                failed=sum(bool(each.fault) and not each.wrong for each in mine),
                wrong=sum(each.wrong for each in observations if each.operation == name),
                p50_ms=percentile(ordered, 0.50),
                p95_ms=percentile(ordered, 0.95),
                p99_ms=percentile(ordered, 0.99),
            )
        )
    return result


def series(observations: Sequence[Observation]) -> list[Second]:
    """Return every second of a run, also those without operations."""
    by_second: dict[int, list[Observation]] = defaultdict(list)
    for each in observations:
        by_second[int(each.due)].append(each)
    result: list[Second] = []
    for second in range(max(by_second, default=-1) + 1):
        mine = by_second[second]
        ordered = _latencies(mine)
        result.append(
            Second(
                seconds=second,
                asked=len(mine),
                answered=_good(mine),
                failed=sum(bool(each.fault) and not each.wrong for each in mine),
                wrong=sum(each.wrong for each in mine),
                p50_ms=percentile(ordered, 0.50) if mine else None,
                p99_ms=percentile(ordered, 0.99) if mine else None,
            )
        )
    return result


def failures(observations: Sequence[Observation]) -> list[Failure]:
    """Return the kinds of failures, the most frequent first."""
    faults = [each for each in observations if each.fault]
    first: dict[str, float] = {}
    for each in sorted(faults, key=lambda each: each.due):
        first.setdefault(each.fault, each.due)
    counts = Counter(each.fault for each in faults)
    return [
        Failure(what=what, count=count, first_seconds=first[what]) for what, count in counts.most_common(20)
    ]
