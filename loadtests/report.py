"""Report of load runs: JSON with the fields of the dataclasses here, and JUnit for CI."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from delivery.verdict import Outcome, Verdict
from loadtests.slo import Statistics

SCHEMA: Final = "plinth.load/1"
"""Changes when a field is removed or changes its meaning."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of operation of a run, such as `v1 x 32`."""

    name: str
    count: int
    """Operations due after the warm-up."""
    failed: int
    wrong: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Second:
    """Operations due in one second of a run, including the warm-up: latency over time."""

    seconds: int
    """Since the start of the run."""
    asked: int
    answered: int
    failed: int
    wrong: int
    p50_ms: float | None
    """None if nothing was due."""
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rate of a ramp: latency against rate."""

    asked_per_second: float
    seconds: float
    sent_per_second: float
    answered_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int
    held: bool
    """Whether this rate was sustained; the last one sustained is the saturation point."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One kind of failure."""

    what: str
    """Such as `HTTP 503`, `timeout`, `wrong: probabilities differ by 0.4`."""
    count: int
    first_seconds: float
    """Of its first occurrence, since the start of the run."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """One run of one profile."""

    profile: str
    description: str
    user: str
    """inference, tracking, registry or pipelines."""
    shape: dict[str, Any]
    """kind (steady, ramp, spike, soak) and its parameters."""
    target: str
    """Address of all requests."""
    started: str
    """ISO 8601, UTC."""
    warm_up_seconds: float
    outcome: str
    reasons: list[str]
    slo: dict[str, Any]
    """Service levels that are judged, as in loadtests.slo.Slo."""
    statistics: Statistics
    operations: list[Operation] = field(default_factory=list[Operation])
    series: list[Second] = field(default_factory=list[Second])
    steps: list[Step] = field(default_factory=list[Step])
    """Steps of a ramp; empty for other shapes."""
    failures: list[Failure] = field(default_factory=list[Failure])

    @property
    def verdict(self) -> Verdict:
        """The verdict of the run."""
        return Verdict(outcome=Outcome(self.outcome), reasons=tuple(self.reasons))


@dataclass(frozen=True, kw_only=True)
class GatedModel:
    """The model version that a gate judged."""

    name: str
    version: str
    digest: str
    pipeline_run_id: str
    champion: bool
    """Whether it is champion now."""


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """Maximum requests per second, closed loop: through the gateway, and of a bare app."""

    connections: int
    gateway_per_second: float
    bare_per_second: float
    ratio: float
    goal: float
    p99_ms_at_half: float | None
    """Open loop, at half of the ramp's saturation."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Report of `make load`: one or more runs and, from a gate, the model that they judged."""

    outcome: str
    reasons: list[str]
    seconds: float
    runs: list[RunReport]
    model: GatedModel | None = None
    saturation: Saturation | None = None
    monitoring_mib: float | None = None
    """Resident memory of the monitoring stack; None if it is not installed."""
    phases: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds of each phase of the gate, in order."""
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    schema: str = SCHEMA


def run_from(document: dict[str, Any]) -> RunReport:
    """Return a run from its JSON."""
    parts = {"operations": Operation, "series": Second, "steps": Step, "failures": Failure}
    known = {each.name for each in fields(RunReport)}
    values = {name: value for name, value in document.items() if name in known}
    values["statistics"] = Statistics(**document["statistics"])
    for name, kind in parts.items():
        values[name] = [kind(**each) for each in document.get(name, [])]
    return RunReport(**values)


def read_runs(file: Path) -> list[RunReport]:
    """Return the runs of a report file."""
    return [run_from(each) for each in json.loads(file.read_text())["runs"]]


def junit(report: LoadReport) -> str:
    """Return a report as JUnit: one test case per run; an invalid run is an error, not a failure."""
    marks = {Outcome.FAILED.value: "failure", Outcome.INVALID.value: "error"}
    outcomes = [run.outcome for run in report.runs]
    suite = ElementTree.Element(
        "testsuite",
        name="load",
        tests=str(len(outcomes)),
        failures=str(outcomes.count(Outcome.FAILED.value)),
        errors=str(outcomes.count(Outcome.INVALID.value)),
        time=f"{report.seconds:.1f}",
        timestamp=report.at,
    )
    for run in report.runs:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"load.{run.user}",
            name=run.profile,
            time=f"{run.statistics.seconds:.1f}",
        )
        if mark := marks.get(run.outcome):
            ElementTree.SubElement(case, mark, message="; ".join(run.reasons))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def write(report: LoadReport, file: Path) -> None:
    """Write the JSON, and next to it the JUnit with the suffix .xml."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(report), indent=1) + "\n")
    file.with_suffix(".xml").write_text(junit(report) + "\n")


def table(runs: Sequence[RunReport]) -> list[str]:
    """Return runs as lines for people: a row of figures each, then the reasons if it did not pass."""
    lines = [f"{'profile':20}{'outcome':9}{'asked/s':>9}{'good/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>9}"]
    for run in runs:
        figures = run.statistics
        lines.append(
            f"{run.profile:20}{run.outcome:9}{figures.asked_per_second:9.1f}{figures.answered_per_second:9.1f}"
            f"{figures.p50_ms:9.1f}{figures.p99_ms:9.1f}{figures.error_ratio:9.4f}"
        )
        lines.extend(f"{'':20}{reason}" for reason in run.reasons)
    return lines
