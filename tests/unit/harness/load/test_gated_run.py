"""`make load`: order of its phases, exit code and report."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError
from cluster.instance import Instance
from delivery import promotion
from delivery.candidate import Candidate
from delivery.gate import Measurement, MeasurementError
from delivery.verdict import Outcome, Verdict
from harness.load import gated_run
from harness.load.gated_run import GatedRun
from harness.load.source import LocustSource, measurement_of
from harness.load.timer import PhaseTimer
from loadtests.report import RunReport, Saturation
from terminal.progress import Progress
from tests.fixtures.candidates import CANDIDATE
from tests.fixtures.load_runs import GOOD, RUN
from tests.fixtures.platforms import ENDPOINTS
from workloads import datasets
from workloads.datasets import Dataset
from workloads.errors import WorkloadsError

SATURATION = Saturation(
    connections=8, gateway_per_second=900, bare_per_second=1000, ratio=0.9, goal=0.8, p99_ms_at_half=None
)
RAMP = replace(RUN, profile="serving-ramp", statistics=replace(GOOD, saturation_per_second=600.0))
SLOW = replace(RUN, outcome="failed", reasons=["p99 900.0 ms, maximum 200 ms"])


class Registry:
    """What the run changed on the platform."""

    def __init__(self) -> None:
        self.promoted: list[str] = []
        self.withdrawn: list[str] = []
        self.tags: dict[str, str] = {}
        self.champion = "6"

    def promote(self, _: Any, candidate: Candidate, reason: str) -> None:
        assert reason == "load gate: passed"
        self.promoted.append(candidate.version)
        self.champion = candidate.version


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(promotion, "promote", found.promote)
    monkeypatch.setattr(promotion, "withdraw", lambda _, candidate: found.withdrawn.append(candidate.version))
    monkeypatch.setattr(promotion, "write_tags", lambda _, __, tags: found.tags.update(tags))
    monkeypatch.setattr(promotion, "find_champion", lambda _, __: found.champion)
    return found


def new_run() -> GatedRun:
    timer = PhaseTimer(Progress("load", io.StringIO()))
    return GatedRun(endpoints=ENDPOINTS, instance=Instance("nobody"), timer=timer)


def measure(monkeypatch: pytest.MonkeyPatch, *runs: RunReport) -> list[tuple[str, float | None]]:
    """Let load runs have these reports; return the measurements that are asked for."""
    calls: list[tuple[str, float | None]] = []
    coming = iter(runs)

    def call(source: LocustSource, _: Candidate, profile: str, rate: float | None) -> Measurement:
        calls.append((profile, rate))
        source.runs.append(replace(next(coming), profile=profile))
        return measurement_of(source.runs[-1])

    monkeypatch.setattr(LocustSource, "__call__", call)
    return calls


def test_the_second_load_is_half_of_the_saturation_of_the_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measure(monkeypatch, RAMP, RUN, RUN)
    run = new_run()
    run.saturation = SATURATION
    assert run.judge(CANDIDATE).outcome is Outcome.PASSED
    assert calls == [("serving-ramp", None), ("serving-half", 300.0), ("serving-gate", None)]
    assert run.saturation == replace(SATURATION, p99_ms_at_half=20)
    assert [each.profile for each in run.runs] == ["serving-ramp", "serving-half", "serving-gate"]


def test_a_load_that_failed_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measure(monkeypatch, RAMP, SLOW)
    verdict = new_run().judge(CANDIDATE)
    assert verdict.reasons == ("serving-half: p99 900.0 ms, maximum 200 ms",)
    assert len(calls) == 2


def test_a_version_that_passed_is_tagged_with_its_figures_and_becomes_champion(registry: Registry) -> None:
    run = new_run()
    run.runs, run.saturation = [RAMP], SATURATION
    assert run.decide(CANDIDATE, Verdict(outcome=Outcome.PASSED))
    assert (registry.promoted, registry.withdrawn) == (["7"], [])
    assert registry.tags == {
        "load.verdict": "passed",
        "load.reasons": "",
        "load.serving-ramp": "passed",
        "load.serving-ramp.p99_ms": "20.0",
        "load.serving-ramp.per_second": "100.0",
        "load.saturation_per_second": "600.0",
        "load.ratio_to_bare": "0.90",
    }


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INVALID])
def test_a_version_that_did_not_pass_is_tagged_and_withdrawn(registry: Registry, outcome: Outcome) -> None:
    assert not new_run().decide(CANDIDATE, Verdict(outcome=outcome, reasons=("a: slow", "b: slower")))
    assert (registry.promoted, registry.withdrawn, registry.champion) == ([], ["7"], "6")
    assert registry.tags == {"load.verdict": outcome.value, "load.reasons": "a: slow; b: slower"}


Main = Callable[[], tuple[int, dict[str, Any]]]


@pytest.fixture
def main(registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Main:
    """The whole command, for a candidate that was trained; returns exit code and report."""
    monkeypatch.setattr(GatedRun, "train", lambda *_: CANDIDATE)
    monkeypatch.setattr(GatedRun, "compare", lambda *_: None)

    def run() -> tuple[int, dict[str, Any]]:
        code = gated_run.main(ENDPOINTS, Instance("nobody"), "wine", tmp_path / "load.json")
        return code, json.loads((tmp_path / "load.json").read_text())

    return run


def test_a_candidate_that_passes_every_profile_is_exit_0(
    main: Main, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, RAMP, RUN, RUN)
    code, report = main()
    assert (code, report["outcome"], report["model"]["champion"]) == (0, "passed", True)
    assert [each["profile"] for each in report["runs"]] == ["serving-ramp", "serving-half", "serving-gate"]
    assert (registry.promoted, registry.withdrawn) == (["7"], [])


def test_a_rejected_candidate_is_exit_1(
    main: Main, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, SLOW)
    code, report = main()
    assert (code, report["outcome"], report["model"]["champion"]) == (1, "failed", False)
    assert report["reasons"] == ["serving-ramp: p99 900.0 ms, maximum 200 ms"]
    assert (registry.promoted, registry.withdrawn) == ([], ["7"])


def test_a_measurement_that_fails_withdraws_the_candidate_and_leaves_a_report(
    main: Main,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> Measurement:
        raise MeasurementError("profile serving-ramp: could not be run; see above")

    monkeypatch.setattr(LocustSource, "__call__", fail)
    code, report = main()
    assert (code, registry.promoted, registry.withdrawn) == (1, [], ["7"])
    assert report["reasons"] == ["profile serving-ramp: could not be run; see above"]
    assert report["model"]["champion"] is False
    assert capsys.readouterr().err == "error: profile serving-ramp: could not be run; see above\n"


def test_an_interrupt_withdraws_the_candidate_and_leaves_a_report(
    main: Main, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object) -> Measurement:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocustSource, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main()
    report = json.loads((tmp_path / "load.json").read_text())
    assert (report["outcome"], report["reasons"]) == ("invalid", ["interrupted"])
    assert registry.withdrawn == ["7"]


def test_a_model_that_cannot_be_trained_has_no_candidate(
    main: Main, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise WorkloadsError("data s3://b/k.csv: cannot be read")

    monkeypatch.setattr(GatedRun, "train", refuse)
    code, report = main()
    assert (code, report["model"], registry.withdrawn) == (1, None, [])


def test_a_candidate_is_trained_from_fresh_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(data="wine", sha256="s", target="target")
    calls: list[dict[str, Any]] = []

    def train(_: Any, trained: Dataset, **choices: Any) -> Candidate:
        assert trained is dataset
        calls.append(choices)
        return CANDIDATE

    monkeypatch.setattr(datasets, "prepare", lambda *_: dataset)
    monkeypatch.setattr(gated_run, "train_candidate", train)
    run = new_run()
    assert run.train("wine") == CANDIDATE
    assert set(calls[0]) == {"seed", "regularization", "timeout_seconds"}
    assert list(run.timer.seconds) == ["train"]


def test_what_cannot_be_measured_on_a_remote_cluster_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Saturation:
        raise ClusterError("cluster 'nobody' is not running")

    monkeypatch.setattr(gated_run, "compare_with_bare_app", fail)
    run = new_run()
    run.compare(CANDIDATE)
    assert (run.saturation, run.monitoring_mib) == (None, None)


def test_the_lines_are_for_people() -> None:
    run = new_run()
    run.runs, run.saturation, run.monitoring_mib = [RAMP], replace(SATURATION, p99_ms_at_half=7), 512
    passed = run.report(Verdict(outcome=Outcome.PASSED), CANDIDATE, champion=True)
    assert gated_run.lines(passed)[2:] == [
        "saturation  900/s through the gateway, 1000/s bare: 0.90x (goal 0.8x)",
        "p99         7.0 ms at half of the ramp's saturation",
        "monitoring  512 MiB resident (goal < 700)",
        "passed      wine version 7 is the champion",
    ]
    rejected = run.report(Verdict(outcome=Outcome.FAILED), CANDIDATE, champion=False)
    assert gated_run.lines(rejected)[-1] == (
        "failed      wine version 7 is rejected; the champion has not changed"
    )


def test_two_gates_never_train_on_the_same_inputs() -> None:
    made = [tuple(gated_run.fresh_inputs(1_795_000_000 + second).items()) for second in range(0, 90_000, 60)]
    assert len(set(made)) == len(made)
