"""The gate's decisions: what is measured next, what the verdict is, what becomes champion."""

from dataclasses import replace
from typing import Any

import pytest

from delivery import gate, promotion
from delivery.candidate import Candidate
from delivery.gate import Due, Measurement, MeasurementError, Profile
from delivery.verdict import Outcome, Verdict
from tests.fixtures.candidates import CANDIDATE
from tests.fixtures.platforms import ENDPOINTS

RAMP = Measurement(
    profile="ramp",
    verdict=Verdict(outcome=Outcome.PASSED),
    p99_ms=20,
    answered_per_second=100,
    saturation_per_second=600,
)
STEADY = replace(RAMP, profile="steady", saturation_per_second=None)
FAILED = Verdict(outcome=Outcome.FAILED, reasons=("slow",))
INVALID = Verdict(outcome=Outcome.INVALID, reasons=("starved",))
PROFILES = [Profile(name="ramp"), Profile(name="half", share_of_saturation=0.5), Profile(name="steady")]


class Source:
    """A source that returns what a test gave it, and records what it was asked to measure."""

    def __init__(self, *results: Measurement | MeasurementError) -> None:
        self.results = list(results)
        self.calls: list[tuple[str, float | None]] = []

    def __call__(self, candidate: Candidate, profile: str, rate: float | None) -> Measurement:
        assert candidate == CANDIDATE
        self.calls.append((profile, rate))
        result = self.results.pop(0)
        if isinstance(result, MeasurementError):
            raise result
        return replace(result, profile=profile)


def test_a_profile_is_measured_at_its_share_of_the_saturation_found_before() -> None:
    source = Source(RAMP, STEADY, STEADY)
    measured = gate.measure(source, CANDIDATE, PROFILES)
    assert source.calls == [("ramp", None), ("half", 300.0), ("steady", None)]
    assert gate.judge(PROFILES, measured) == Verdict(outcome=Outcome.PASSED)


def test_without_a_saturation_the_profile_keeps_its_own_rate() -> None:
    assert gate.find_next(PROFILES, [replace(RAMP, saturation_per_second=0.0)]) == Due(
        profile="half", rate=None
    )


def test_a_failed_measurement_is_the_last() -> None:
    source = Source(RAMP, replace(STEADY, verdict=FAILED))
    verdict = gate.judge(PROFILES, gate.measure(source, CANDIDATE, PROFILES))
    assert verdict == Verdict(outcome=Outcome.FAILED, reasons=("half: slow",))
    assert len(source.calls) == 2


def test_an_inconclusive_measurement_does_not_end_the_gate() -> None:
    source = Source(replace(RAMP, verdict=INVALID), STEADY, STEADY)
    verdict = gate.judge(PROFILES, gate.measure(source, CANDIDATE, PROFILES))
    assert verdict == Verdict(outcome=Outcome.INVALID, reasons=("ramp: starved",))
    assert len(source.calls) == 3


def test_an_interrupted_gate_continues_after_the_measurements_that_it_has() -> None:
    source = Source(STEADY, STEADY)
    measured = gate.measure(source, CANDIDATE, PROFILES, [RAMP])
    assert source.calls == [("half", 300.0), ("steady", None)]
    assert [each.profile for each in measured] == ["ramp", "half", "steady"]


def test_a_gate_that_is_not_complete_has_not_passed() -> None:
    assert gate.judge(PROFILES, [RAMP]) == Verdict(outcome=Outcome.INVALID, reasons=("half: not measured",))
    assert gate.judge(PROFILES, []).outcome is Outcome.INVALID
    assert gate.judge([], []).outcome is Outcome.INVALID


def test_a_source_that_cannot_measure_ends_the_gate() -> None:
    with pytest.raises(MeasurementError, match="profile half: not over"):
        gate.measure(Source(RAMP, MeasurementError("profile half: not over")), CANDIDATE, PROFILES)


def test_tags_record_the_verdict_and_the_figures_of_each_measurement() -> None:
    assert gate.tags_of(Verdict(outcome=Outcome.PASSED), [RAMP, STEADY]) == {
        "load.verdict": "passed",
        "load.reasons": "",
        "load.ramp": "passed",
        "load.ramp.p99_ms": "20.0",
        "load.ramp.per_second": "100.0",
        "load.saturation_per_second": "600.0",
        "load.steady": "passed",
        "load.steady.p99_ms": "20.0",
        "load.steady.per_second": "100.0",
    }
    verdict = Verdict(outcome=Outcome.FAILED, reasons=("a: slow", "b: slower"))
    assert gate.tags_of(verdict, []) == {"load.verdict": "failed", "load.reasons": "a: slow; b: slower"}


class Registry:
    """What the gate changes, in order."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.tags: dict[str, str] = {}
        self.champion = "6"

    def promote(self, _: Any, candidate: Candidate, reason: str) -> None:
        self.changes.append(f"promote {candidate.version} ({reason})")
        self.champion = candidate.version

    def write_tags(self, _: Any, candidate: Candidate, tags: dict[str, str]) -> None:
        self.changes.append(f"tag {candidate.version}")
        self.tags |= tags


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(promotion, "promote", found.promote)
    monkeypatch.setattr(
        promotion, "withdraw", lambda _, each: found.changes.append(f"withdraw {each.version}")
    )
    monkeypatch.setattr(promotion, "write_tags", found.write_tags)
    monkeypatch.setattr(promotion, "find_champion", lambda *_: found.champion)
    return found


def test_a_version_that_passed_is_tagged_and_becomes_champion(registry: Registry) -> None:
    assert gate.decide(ENDPOINTS, CANDIDATE, Verdict(outcome=Outcome.PASSED), {"load.verdict": "passed"})
    assert registry.changes == ["tag 7", "promote 7 (load gate: passed)"]
    assert registry.tags == {"load.verdict": "passed"}


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INVALID])
def test_a_version_that_did_not_pass_is_tagged_and_withdrawn(registry: Registry, outcome: Outcome) -> None:
    assert not gate.decide(ENDPOINTS, CANDIDATE, Verdict(outcome=outcome), {"load.verdict": outcome.value})
    assert registry.changes == ["tag 7", "withdraw 7"]
    assert (registry.tags, registry.champion) == ({"load.verdict": outcome.value}, "6")
