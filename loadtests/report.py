"""The report of load runs: JSON, shaped and named as the dataclasses here, and JUnit for CI."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from loadtests.slo import Outcome, Statistics, Verdict

SCHEMA: Final = "plinth.load/1"
"""Changes when a field changes its meaning or goes."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One kind of operation of a run, such as `v1 x 32`."""

    name: str
    count: int
    """All that were due after the warm-up."""
    failed: int
    wrong: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Second:
    """One second of a run, warm-up included: latency over time. By when operations were due."""

    seconds: int
    """Since the run began."""
    asked: int
    answered: int
    failed: int
    wrong: int
    p50_ms: float | None
    """None where nothing was due."""
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
    """Whether this rate was kept up with; the last one that was is the saturation point."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way in which operations failed."""

    what: str
    """Such as `HTTP 503`, `timeout`, `wrong: probabilities differ by 0.4`."""
    count: int
    first_seconds: float
    """Since the run began."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """One profile, run once."""

    profile: str
    description: str
    user: str
    """inference, tracking, registry or pipelines."""
    shape: dict[str, Any]
    """kind (steady, ramp, spike, soak) and its figures."""
    target: str
    """Where requests went."""
    started: str
    """ISO 8601, UTC."""
    warm_up_seconds: float
    outcome: str
    reasons: list[str]
    slo: dict[str, Any]
    """Only what is judged, by the names of loadtests.slo.Slo."""
    statistics: Statistics
    operations: list[Operation] = field(default_factory=list[Operation])
    series: list[Second] = field(default_factory=list[Second])
    steps: list[Step] = field(default_factory=list[Step])
    """Of a ramp; empty otherwise."""
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
    """Whether it is the champion now."""


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """Most requests per second, closed loop: through the gateway, and of a bare app with the same model."""

    connections: int
    gateway_per_second: float
    bare_per_second: float
    ratio: float
    goal: float
    p99_ms_at_half: float | None
    """Open loop, at half of what the ramp held."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What `make load` writes: one or more runs, and with a gate the model that they judged."""

    outcome: str
    reasons: list[str]
    seconds: float
    runs: list[RunReport]
    model: GatedModel | None = None
    saturation: Saturation | None = None
    monitoring_mib: float | None = None
    """Resident memory of the monitoring stack; None where it is not installed."""
    phases: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds by phase of the gate, in order."""
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
    """Return a report as JUnit: one test case per run; an invalid one is an error, not a failure."""
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
    """Write the JSON, and the JUnit beside it with the suffix .xml."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(report), indent=1) + "\n")
    file.with_suffix(".xml").write_text(junit(report) + "\n")


def table(runs: Sequence[RunReport]) -> list[str]:
    """Return runs as lines for people: a row of figures each, then why it was not passed."""
    lines = [f"{'profile':20}{'outcome':9}{'asked/s':>9}{'good/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>9}"]
    for run in runs:
        found = run.statistics
        lines.append(
            f"{run.profile:20}{run.outcome:9}{found.asked_per_second:9.1f}{found.answered_per_second:9.1f}"
            f"{found.p50_ms:9.1f}{found.p99_ms:9.1f}{found.error_ratio:9.4f}"
        )
        lines.extend(f"{'':20}{reason}" for reason in run.reasons)
    return lines
