"""From single operations to what reports show: statistics, series, steps. Pure: no clock, no network."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from loadtests.report import Failure, Operation, Second, Step
from loadtests.shapes import Phase
from loadtests.slo import KEEPS_UP, Statistics

IN_A_ROW: Final = 2
"""Steps of a ramp not kept up with before it counts as saturated: one may be a hiccup of the machine."""


class Observation(NamedTuple):
    """One operation; times are seconds since the run began."""

    operation: str
    phase: int
    """Of the shape; -1 is the warm-up."""
    due: float
    sent: float
    """When the generator handed it to its users; the end of the run if it never did."""
    ended: float
    """When it was answered, or given up."""
    fault: str = ""
    """Why it was not answered well; empty if it was."""
    wrong: bool = False
    """Whether it was answered, wrongly."""

    @property
    def latency_ms(self) -> float:
        """From the moment it was due, not from the moment someone had time to send it."""
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
    """Return the statistics of a run; of a ramp, those of the rates that it kept up with.

    Args:
        observations: Every operation that was due.
        phases: Those that began.
        warm_up_seconds: Before the first phase.
        generator_cpu: Share of a processor that the generator spent.
        ramp: Whether the phases look for saturation.
    """
    found = steps(observations, phases, warm_up_seconds) if ramp else []
    judged = {index for index in range(len(phases)) if not ramp or found[index].held}
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
        saturation_per_second=saturation(found) if ramp else None,
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
    found: list[Step] = []
    for index, (phase, window) in enumerate(zip(phases, _windows(phases, warm_up_seconds), strict=True)):
        mine = by_phase[index]
        ordered = _latencies(mine)
        asked = _rate(len(mine), phase.seconds)
        sent = _rate(_within((each.sent for each in mine), [window]), phase.seconds)
        ended = (each.ended for each in observations if not each.fault)
        answered = _rate(_within(ended, [window]), phase.seconds)
        found.append(
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
    return found


def saturated_at(found: Sequence[Step]) -> int | None:
    """Return the step at which a ramp lost touch for good; None if it never did."""
    for index in range(len(found) - IN_A_ROW + 1):
        if not any(step.held for step in found[index : index + IN_A_ROW]):
            return index
    return None


def saturation(found: Sequence[Step]) -> float:
    """Return the highest rate of good answers, up to the step that lost touch."""
    last = saturated_at(found)
    return max(
        (step.answered_per_second for step in found[: None if last is None else last + 1]), default=0.0
    )


def gave_out_first(found: Sequence[Step]) -> str | None:
    """Return how the generator, not the platform, ended a ramp; None if it did not."""
    last = saturated_at(found)
    if last is None or found[last].sent_per_second >= KEEPS_UP * found[last].asked_per_second:
        return None
    step = found[last]
    return (
        f"the generator sent {step.sent_per_second:.1f}/s of {step.asked_per_second:.1f}/s asked at the end"
    )


def operations(observations: Sequence[Observation]) -> list[Operation]:
    """Return the operations by kind, warm-up left out but for wrong answers."""
    found: list[Operation] = []
    for name in sorted({each.operation for each in observations}):
        mine = [each for each in observations if each.operation == name and each.phase >= 0]
        ordered = _latencies(mine)
        found.append(
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
    return found


def series(observations: Sequence[Observation]) -> list[Second]:
    """Return the seconds of a run, none left out."""
    by_second: dict[int, list[Observation]] = defaultdict(list)
    for each in observations:
        by_second[int(each.due)].append(each)
    found: list[Second] = []
    for second in range(max(by_second, default=-1) + 1):
        mine = by_second[second]
        ordered = _latencies(mine)
        found.append(
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
    return found


def failures(observations: Sequence[Observation]) -> list[Failure]:
    """Return the ways in which operations failed, the most frequent first."""
    faults = [each for each in observations if each.fault]
    first: dict[str, float] = {}
    for each in sorted(faults, key=lambda each: each.due):
        first.setdefault(each.fault, each.due)
    counts = Counter(each.fault for each in faults)
    return [
        Failure(what=what, count=count, first_seconds=first[what]) for what, count in counts.most_common(20)
    ]
