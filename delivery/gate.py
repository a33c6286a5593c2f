"""The promotion gate: measures a candidate, judges the measurements, and promotes or withdraws it.

The caller passes the source of measurements, such as load runs or a window of a monitoring system. The only
state of a gate is the list of its measurements, so one that was interrupted can continue from those it has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from delivery import promotion
from delivery.candidate import Candidate
from delivery.verdict import Outcome, Verdict, combine
from workloads.endpoints import Endpoints


class MeasurementError(Exception):
    """A source could not measure; the text names the profile."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One load that a gate asks its source to measure."""

    name: str
    """As the source knows it."""
    share_of_saturation: float | None = None
    """Rate as a share of the saturation measured earlier; without one, the source's own rate."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Result of one profile, with the figures that are recorded with the model version."""

    profile: str
    verdict: Verdict
    p99_ms: float
    answered_per_second: float
    """Rate of good answers."""
    saturation_per_second: float | None = None
    """Highest rate sustained; None for a profile that does not search for it."""


Source = Callable[[Candidate, str, float | None], Measurement]
"""Measures a candidate by the profile of this name, at this rate, or at the profile's own.

Raises `MeasurementError` if it cannot.
"""


@dataclass(frozen=True, kw_only=True)
class Due:
    """The next measurement of a gate."""

    profile: str
    rate: float | None


def find_next(profiles: Sequence[Profile], measured: Sequence[Measurement]) -> Due | None:
    """Return the next measurement; None once all are done or one failed, which no later one can change."""
    if len(measured) >= len(profiles) or any(each.verdict.outcome is Outcome.FAILED for each in measured):
        return None
    profile = profiles[len(measured)]
    saturations = [each.saturation_per_second for each in measured if each.saturation_per_second]
    if profile.share_of_saturation is None or not saturations:
        return Due(profile=profile.name, rate=None)
    return Due(profile=profile.name, rate=saturations[-1] * profile.share_of_saturation)


def measure(
    source: Source, candidate: Candidate, profiles: Sequence[Profile], measured: Sequence[Measurement] = ()
) -> tuple[Measurement, ...]:
    """Measure a candidate by each profile in order, after the measurements that exist already."""
    done = tuple(measured)
    while due := find_next(profiles, done):
        done = (*done, source(candidate, due.profile, due.rate))
    return done


def judge(profiles: Sequence[Profile], measured: Sequence[Measurement]) -> Verdict:
    """Return the verdict on a candidate; INVALID if it depends on profiles that were not measured."""
    verdicts = {each.profile: each.verdict for each in measured}
    if due := find_next(profiles, measured):
        verdicts[due.profile] = Verdict(outcome=Outcome.INVALID, reasons=("not measured",))
    elif not measured:
        return Verdict(outcome=Outcome.INVALID, reasons=("the gate has no profile",))
    return combine(verdicts)


def tags_of(verdict: Verdict, measured: Sequence[Measurement]) -> dict[str, str]:
    """Return the tags that record a verdict and its measurements with the model version."""
    tags = {"load.verdict": verdict.outcome.value, "load.reasons": "; ".join(verdict.reasons)}
    for each in measured:
        tags[f"load.{each.profile}"] = each.verdict.outcome.value
        tags[f"load.{each.profile}.p99_ms"] = f"{each.p99_ms:.1f}"
        tags[f"load.{each.profile}.per_second"] = f"{each.answered_per_second:.1f}"
        if each.saturation_per_second is not None:
            tags["load.saturation_per_second"] = f"{each.saturation_per_second:.1f}"
    return tags


def decide(endpoints: Endpoints, candidate: Candidate, verdict: Verdict, tags: Mapping[str, str]) -> bool:
    """Tag the version; promote it if the verdict is PASSED, withdraw it otherwise.

    Returns:
        Whether the version is champion now.
    """
    promotion.write_tags(endpoints, candidate, tags)
    if verdict.outcome is Outcome.PASSED:
        promotion.promote(endpoints, candidate, "load gate: passed")
    else:
        promotion.withdraw(endpoints, candidate)
    return promotion.find_champion(endpoints, candidate.model_name) == candidate.version
