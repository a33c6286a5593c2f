"""The gate's decisions: what is tagged, what becomes champion, what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.instance import Instance
from delivery import promotion
from harness import load_gate
from harness.load.gated_run import Gate, GateError
from harness.memory import Memory
from loadtests.report import RunReport, Saturation
from loadtests.slo import Outcome, Verdict
from tests.unit.delivery.test_promotion import CANDIDATE, ENDPOINTS
from tests.unit.loadtests.test_report import RUN
from tests.unit.loadtests.test_slo import GOOD
from workloads.errors import WorkloadsError

SATURATION = Saturation(
    connections=8, gateway_per_second=900, bare_per_second=1000, ratio=0.9, goal=0.8, p99_ms_at_half=None
)
RAMP = replace(RUN, profile="serving-ramp", statistics=replace(GOOD, saturation_per_second=600.0))


class Past:
    """What the gate did to the platform."""

    def __init__(self) -> None:
        self.promoted: list[str] = []
        self.withdrawn: list[str] = []
        self.tags: dict[str, str] = {}
        self.champion = "6"

    def promote(self, _: Any, candidate: promotion.Candidate) -> None:
        self.promoted.append(candidate.version)
        self.champion = candidate.version


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Past:
    found = Past()
    monkeypatch.setattr(promotion, "promote", found.promote)
    monkeypatch.setattr(promotion, "withdraw", lambda _, candidate: found.withdrawn.append(candidate.version))
    monkeypatch.setattr(promotion, "write_tags", lambda _, __, tags: found.tags.update(tags))
    monkeypatch.setattr(promotion, "champion_of", lambda _, __: found.champion)
    return found


def gate() -> Gate:
    return Gate(endpoints=ENDPOINTS, instance=Instance("nobody"))


def loads(monkeypatch: pytest.MonkeyPatch, *found: RunReport) -> list[tuple[str, float | None]]:
    """Let loads come to what they are given; return which were asked for."""
    asked: list[tuple[str, float | None]] = []
    coming = iter(found)

    def load(self: Gate, _: Any, profile: str, rate: float | None = None) -> RunReport:
        asked.append((profile, rate))
        self.runs.append(next(coming))
        return self.runs[-1]

    monkeypatch.setattr(Gate, "load", load)
    return asked


def test_the_second_load_is_half_of_what_the_ramp_held(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = loads(monkeypatch, RAMP, RUN, RUN)
    judging = gate()
    judging.saturation = SATURATION
    assert judging.judge(CANDIDATE).outcome is Outcome.PASSED
    assert asked == [("serving-ramp", None), ("serving-half", 300.0), ("serving-gate", None)]
    assert judging.saturation == replace(SATURATION, p99_ms_at_half=20)


def test_a_load_that_failed_ends_the_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = loads(monkeypatch, RAMP, replace(RUN, outcome="failed", reasons=["slow"]))
    verdict = gate().judge(CANDIDATE)
    assert verdict == Verdict(outcome=Outcome.FAILED, reasons=("mine: slow",))
    assert len(asked) == 2


def test_what_passed_is_tagged_and_becomes_champion(past: Past) -> None:
    deciding = gate()
    deciding.runs, deciding.saturation = [RAMP], SATURATION
    assert deciding.decide(CANDIDATE, Verdict(outcome=Outcome.PASSED))
    assert (past.promoted, past.withdrawn) == (["7"], [])
    assert past.tags == {
        "load.verdict": "passed",
        "load.reasons": "",
        "load.serving-ramp": "passed",
        "load.serving-ramp.p99_ms": "20.0",
        "load.serving-ramp.per_second": "100.0",
        "load.saturation_per_second": "600.0",
        "load.ratio_to_bare": "0.90",
    }


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INVALID])
def test_what_did_not_pass_is_tagged_and_taken_away(past: Past, outcome: Outcome) -> None:
    assert not gate().decide(CANDIDATE, Verdict(outcome=outcome, reasons=("a: slow", "b: slower")))
    assert (past.promoted, past.withdrawn, past.champion) == ([], ["7"], "6")
    assert past.tags == {"load.verdict": outcome.value, "load.reasons": "a: slow; b: slower"}


def test_an_error_takes_the_candidate_away_and_leaves_a_report(
    past: Past, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Verdict:
        raise GateError("profile serving-ramp: could not be run; see above")

    monkeypatch.setattr(Gate, "train", lambda *_: CANDIDATE)
    monkeypatch.setattr(Gate, "measure", lambda *_: None)
    monkeypatch.setattr(Gate, "judge", broken)
    assert load_gate.main(ENDPOINTS, Instance("nobody"), "wine", tmp_path / "load.json") == 1
    assert (past.promoted, past.withdrawn) == ([], ["7"])
    document = json.loads((tmp_path / "load.json").read_text())
    assert document["reasons"] == ["profile serving-ramp: could not be run; see above"]
    assert document["model"]["champion"] is False
    assert capsys.readouterr().err == "error: profile serving-ramp: could not be run; see above\n"


def test_a_model_that_cannot_be_trained_is_no_gate_passed(
    past: Past, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object) -> None:
        raise WorkloadsError("data s3://b/k.csv: cannot be read")

    monkeypatch.setattr(Gate, "train", refused)
    assert load_gate.main(ENDPOINTS, Instance("nobody"), "wine", tmp_path / "load.json") == 1
    assert json.loads((tmp_path / "load.json").read_text())["model"] is None
    assert past.withdrawn == []


def test_only_pods_of_the_monitoring_namespace_count() -> None:
    rows = [
        Memory(component="monitoring/prometheus", resident=300.25, proportional=1),
        Memory(component="monitoring/alertmanager", resident=40, proportional=1),
        Memory(component="kubeflow/monitoring", resident=999, proportional=1),
    ]
    assert load_gate.monitoring_mib(rows) == 340.2
    assert load_gate.monitoring_mib(rows[2:]) is None


def test_the_lines_say_what_a_person_asks(past: Past) -> None:
    telling = gate()
    telling.runs, telling.saturation, telling.monitoring_mib = (
        [RAMP],
        replace(SATURATION, p99_ms_at_half=7),
        512,
    )
    found = telling.report(Verdict(outcome=Outcome.PASSED), CANDIDATE, champion=True)
    assert load_gate.lines(found)[2:] == [
        "saturation  900/s through the gateway, 1000/s bare: 0.90x (goal 0.8x)",
        "p99         7.0 ms at half of what the ramp held",
        "monitoring  512 MiB resident (goal < 700)",
        "passed      wine version 7 is the champion",
    ]
    refused = telling.report(Verdict(outcome=Outcome.FAILED), CANDIDATE, champion=False)
    assert load_gate.lines(refused)[-1] == (
        "failed      wine version 7 is refused; the champion stays as it was"
    )


def test_two_gates_never_train_on_the_same_inputs() -> None:
    made = [tuple(load_gate._fresh(1_795_000_000 + second).items()) for second in range(0, 90_000, 60)]
    assert len(set(made)) == len(made)
