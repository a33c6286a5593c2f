"""`make load`: trains a candidate and runs the promotion gate on it under load; table, JSON and JUnit.

The candidate is served next to its model, so callers never reach a version that may be rejected.
"""

import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.instance import Instance
from delivery import gate, promotion
from delivery.candidate import Candidate, train_candidate
from delivery.gate import MeasurementError, Profile
from delivery.verdict import Outcome, Verdict
from harness import memory
from harness.bench.closed_loop import LoadError
from harness.load.comparison import compare_with_bare_app, monitoring_mib
from harness.load.source import LocustSource, measurement_of
from harness.load.timer import PhaseTimer
from loadtests import report
from loadtests.report import GatedModel, LoadReport, RunReport, Saturation
from terminal.progress import Progress
from workloads import datasets
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_TRAIN_SECONDS: Final = 900
_HALF: Final = "serving-half"
PROFILES: Final = (
    Profile(name="serving-ramp"),
    Profile(name=_HALF, share_of_saturation=0.5),
    Profile(name="serving-gate"),
)


@dataclass(kw_only=True)
class GatedRun:
    """One run of the gate on one platform, and what it has found so far."""

    endpoints: Endpoints
    instance: Instance
    timer: PhaseTimer = field(default_factory=lambda: PhaseTimer(Progress("load")))
    runs: list[RunReport] = field(default_factory=list[RunReport])
    saturation: Saturation | None = None
    monitoring_mib: float | None = None

    def train(self, data: str) -> Candidate:
        """Train, register and serve a candidate from inputs that no earlier run had."""
        with self.timer.phase("train", f"train, register and serve a candidate of {data}"):
            dataset = datasets.prepare(self.endpoints, data, "target")
            return train_candidate(
                self.endpoints, dataset, **fresh_inputs(int(time.time())), timeout_seconds=_TRAIN_SECONDS
            )

    def compare(self, candidate: Candidate) -> None:
        """Measure what decides nothing, where this machine can measure it."""
        with self.timer.phase(
            "saturation", "requests per second, compared with a bare app of the same model"
        ):
            try:
                self.saturation = compare_with_bare_app(self.endpoints, self.instance, candidate)
                rows = memory.of_instance(self.instance, self.endpoints.kubeconfig)
                self.monitoring_mib = monitoring_mib(rows)
            except (LoadError, ClusterError) as error:
                # The processes of a remote cluster are out of reach; the verdict does not need them.
                self.timer.progress.line(f"not measured: {error}")

    def judge(self, candidate: Candidate) -> Verdict:
        """Measure the candidate by every profile and return the verdict."""
        source = LocustSource(self.endpoints, self.instance, self.timer)
        self.runs = source.runs
        verdict = gate.judge(PROFILES, gate.measure(source, candidate, PROFILES))
        half = [run for run in self.runs if run.profile == _HALF]
        if self.saturation and half:
            self.saturation = replace(self.saturation, p99_ms_at_half=half[-1].statistics.p99_ms)
        return verdict

    def decide(self, candidate: Candidate, verdict: Verdict) -> bool:
        """Tag, then promote or withdraw; return whether the version is champion now."""
        with self.timer.phase("decide", f"version {candidate.version}: {verdict.outcome}"):
            return gate.decide(self.endpoints, candidate, verdict, self.tags(verdict))

    def tags(self, verdict: Verdict) -> dict[str, str]:
        """Return the gate's tags, and the comparison with a bare app."""
        tags = gate.tags_of(verdict, [measurement_of(run) for run in self.runs])
        return tags | ({"load.ratio_to_bare": f"{self.saturation.ratio:.2f}"} if self.saturation else {})

    def report(self, verdict: Verdict, candidate: Candidate | None, *, champion: bool) -> LoadReport:
        """Return everything that was found."""
        model = candidate and GatedModel(
            name=candidate.model_name,
            version=candidate.version,
            digest=candidate.digest,
            pipeline_run_id=candidate.pipeline_run_id,
            champion=champion,
        )
        return LoadReport(
            outcome=verdict.outcome,
            reasons=list(verdict.reasons),
            seconds=round(sum(self.timer.seconds.values()), 1),
            runs=self.runs,
            model=model,
            saturation=self.saturation,
            monitoring_mib=self.monitoring_mib,
            phases=self.timer.seconds,
        )


def fresh_inputs(now: int) -> dict[str, Any]:
    """Return training inputs that no earlier run had, so that no step comes from the cache.

    All hundred seeds pass the pipeline's own accuracy check; the change of the regularization is negligible.
    """
    return {"seed": now % 100, "regularization": 1 + now % 100_000 / 1e7}


def lines(found: LoadReport) -> list[str]:
    """Return a report as lines for people."""
    text = report.table(found.runs)
    if found.saturation:
        figures = found.saturation
        text.append(
            f"saturation  {figures.gateway_per_second:.0f}/s through the gateway, "
            f"{figures.bare_per_second:.0f}/s bare: {figures.ratio:.2f}x (goal {figures.goal:g}x)"
        )
        if figures.p99_ms_at_half is not None:
            text.append(f"p99         {figures.p99_ms_at_half:.1f} ms at half of the ramp's saturation")
    if found.monitoring_mib is not None:
        text.append(f"monitoring  {found.monitoring_mib:.0f} MiB resident (goal < 700)")
    if found.model:
        now = "is the champion" if found.model.champion else "is rejected; the champion has not changed"
        text.append(f"{found.outcome:12}{found.model.name} version {found.model.version} {now}")
    return text


def main(endpoints: Endpoints, instance: Instance, data: str, file: Path) -> int:
    """Train and gate a model; return the exit code: 0 only if it became champion."""
    run = GatedRun(endpoints=endpoints, instance=instance)
    candidate: Candidate | None = None
    verdict, champion, decided = Verdict(outcome=Outcome.INVALID, reasons=("interrupted",)), False, False
    try:
        candidate = run.train(data)
        run.compare(candidate)
        verdict = run.judge(candidate)
        champion = run.decide(candidate, verdict)
        decided = True
    except (MeasurementError, WorkloadsError) as error:
        verdict = Verdict(outcome=Outcome.FAILED, reasons=(str(error),))
        sys.stderr.write(f"error: {error}\n")
    finally:
        if candidate and not decided:
            promotion.withdraw(endpoints, candidate)
        found = run.report(verdict, candidate, champion=champion)
        report.write(found, file)
    print("\n".join([*lines(found), f"report: {file}"]), flush=True)
    return 0 if champion and verdict.outcome is Outcome.PASSED else 1
