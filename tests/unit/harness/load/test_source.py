"""Locust as a source of measurements: the command that is run, and what becomes of its report."""

import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.instance import Instance
from delivery.gate import MeasurementError
from delivery.verdict import Outcome
from harness.load.source import LocustSource, measurement_of
from harness.load.timer import PhaseTimer
from loadtests import report
from loadtests.report import LoadReport, RunReport
from terminal.progress import Progress
from tests.fixtures.candidates import CANDIDATE
from tests.fixtures.load_runs import GOOD, RUN
from tests.fixtures.platforms import ENDPOINTS
from workloads import lineage
from workloads.lineage import HeldBack

EVIDENCE = HeldBack(
    features=["x"], classes=["a"], rows=[[1.0]], labels=["a"], predicted=["a"], probabilities=[[1.0]]
)


class Locust:
    """Stands in for the process: keeps its arguments and inputs, and writes a report."""

    def __init__(self, *runs: RunReport) -> None:
        self.runs = list(runs)
        self.commands: list[dict[str, str]] = []
        self.inputs: dict[str, Any] = {}

    def run(self, command: list[str], **_: Any) -> None:
        assert command[1:4] == ["-m", "loadtests", "run"]
        arguments = dict(zip(command[4::2], command[5::2], strict=True))
        self.commands.append(arguments)
        self.inputs = {
            name: json.loads(Path(arguments[name]).read_text()) for name in ("--expected", "--endpoints")
        }
        if self.runs:
            document = LoadReport(outcome="passed", reasons=[], seconds=1, runs=[self.runs.pop(0)])
            report.write(document, Path(arguments["--report"]))


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocustSource:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    monkeypatch.setattr(lineage, "read_held_back", lambda *_: EVIDENCE)
    return LocustSource(ENDPOINTS, Instance("nobody"), PhaseTimer(Progress("load", io.StringIO())))


def started(monkeypatch: pytest.MonkeyPatch, locust: Locust) -> Locust:
    monkeypatch.setattr(subprocess, "run", locust.run)
    return locust


def test_a_run_is_a_measurement_of_the_candidate(
    source: LocustSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    locust = started(monkeypatch, Locust(RUN))
    assert source(CANDIDATE, "mine", None) == measurement_of(RUN)
    assert source.runs == [RUN]
    (arguments,) = locust.commands
    assert (arguments["--model"], arguments["--service"]) == ("wine", "wine-v7")
    assert arguments["--target"] == ENDPOINTS.gateway_url
    assert "--rate" not in arguments
    assert locust.inputs["--expected"] == {"digest": "d7", "rows": [[1.0]], "probabilities": [[1.0]]}
    assert locust.inputs["--endpoints"]["gateway_url"] == ENDPOINTS.gateway_url


def test_the_rate_of_the_gate_is_passed_on(source: LocustSource, monkeypatch: pytest.MonkeyPatch) -> None:
    locust = started(monkeypatch, Locust(RUN))
    source(CANDIDATE, "mine", 300.0)
    assert locust.commands[0]["--rate"] == "300.0"


def test_on_this_machine_the_node_is_the_target_and_declared_as_its_own(
    source: LocustSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = SimpleNamespace(gateway=ENDPOINTS.gateway_url, node_ip="10.213.7.2")
    monkeypatch.setattr(Instance, "endpoints", lambda _: addresses)
    locust = started(monkeypatch, Locust(RUN))
    source(CANDIDATE, "mine", None)
    assert locust.commands[0]["--own-address"] == "10.213.7.2"
    assert locust.commands[0]["--target"].startswith("http://10.213.7.2:")


def test_a_run_without_a_report_is_no_measurement(
    source: LocustSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(monkeypatch, Locust())
    with pytest.raises(MeasurementError, match="profile mine: could not be run; see above"):
        source(CANDIDATE, "mine", None)
    assert source.runs == []


def test_a_run_that_does_not_end_is_no_measurement(
    source: LocustSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 900)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(MeasurementError, match="profile mine: not over within 900 s"):
        source(CANDIDATE, "mine", None)


def test_a_measurement_has_the_verdict_and_figures_of_its_run() -> None:
    ramp = replace(
        RUN, statistics=replace(GOOD, saturation_per_second=600.0), outcome="failed", reasons=["slow"]
    )
    found = measurement_of(ramp)
    assert (found.profile, found.p99_ms, found.answered_per_second) == ("mine", 20, 100)
    assert found.saturation_per_second == 600
    assert (found.verdict.outcome, found.verdict.reasons) == (Outcome.FAILED, ("slow",))
