"""`make load`: a fresh model under load before it becomes champion; table, JSON and JUnit.

The candidate is served beside its model, so that callers never meet a version that may be refused.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.ports import GATEWAY_NODE_PORT
from delivery import promotion
from delivery.promotion import Candidate
from harness import memory, serving_bench
from harness.bench.closed_loop import LoadError
from harness.progress import Progress
from loadtests import report
from loadtests.report import GatedModel, LoadReport, RunReport, Saturation
from loadtests.slo import Outcome, Verdict, combined
from workloads import datasets, lineage, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

GOAL: Final = 0.8
"""Share of a bare app's requests per second that the whole serving path should reach."""
_CONNECTIONS: Final = 8
_TRAIN_SECONDS: Final = 900
_RUN_SECONDS: Final = 900
_RAMP: Final = "serving-ramp"
_HALF: Final = "serving-half"
_GATE: Final = "serving-gate"


class GateError(Exception):
    """A phase of the gate failed; the text names it."""


@dataclass(kw_only=True)
class Gate:
    """One candidate before one platform."""

    endpoints: Endpoints
    instance: Instance
    progress: Progress = field(default_factory=lambda: Progress("load"))
    phases: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds of each phase, in order."""
    runs: list[RunReport] = field(default_factory=list[RunReport])
    saturation: Saturation | None = None
    monitoring_mib: float | None = None

    @contextmanager
    def _phase(self, name: str, words: str, *, shows_itself: bool = False) -> Generator[None]:
        """Time a phase; on a terminal show that it goes on, unless it does so itself."""
        self.progress.line(words)
        began = time.monotonic()
        over = threading.Event()

        def tick() -> None:
            while not over.wait(1.0):
                self.progress.status(name)

        ticking = threading.Thread(target=tick, daemon=True)
        if self.progress.live and not shows_itself:
            ticking.start()
        try:
            yield
        finally:
            over.set()
            if ticking.is_alive():
                ticking.join(timeout=2)
            self.progress.clear()
            self.phases[name] = round(time.monotonic() - began, 1)

    def train(self, data: str) -> Candidate:
        """Train, register and serve a candidate that never was before."""
        with self._phase("train", f"train, register and serve a candidate of {data}"):
            dataset = datasets.prepare(self.endpoints, data, "target")
            parameters = pipeline_runs.parameters(dataset, **_fresh(int(time.time())), candidate=True)
            run_id = pipeline_runs.submit(self.endpoints, "train_register_serve", parameters)
            run = pipeline_runs.finished(self.endpoints, run_id, timeout_seconds=_TRAIN_SECONDS)
            if run.state != pipeline_runs.SUCCEEDED:
                raise GateError(f"pipeline run {run_id}: {run.state}: {run.reason}")
            return promotion.candidate_of(self.endpoints, dataset.model_name)

    def measure(self, candidate: Candidate) -> None:
        """Measure what decides nothing: the ratio to a bare app, and the memory of the monitoring."""
        row = lineage.held_back(self.endpoints, candidate.mlflow_run_id).rows[0]
        with self._phase("saturation", "requests per second, beside a bare app with the same model"):
            try:
                host = self.endpoints.model_host(candidate.service)
                served = serving_bench.served(self.instance, candidate.service, host, row)
                gateway, bare = serving_bench.saturation(served, connections=_CONNECTIONS)
                self.saturation = Saturation(
                    connections=_CONNECTIONS,
                    gateway_per_second=gateway,
                    bare_per_second=bare,
                    ratio=gateway / bare,
                    goal=GOAL,
                    p99_ms_at_half=None,
                )
                self.monitoring_mib = monitoring_mib(
                    memory.of_instance(self.instance, self.endpoints.kubeconfig)
                )
            except (LoadError, ClusterError) as error:
                # A cluster of others has no processes to look at; the verdict does not need them.
                self.progress.line(f"not measured: {error}")

    def load(self, candidate: Candidate, profile: str, rate: float | None = None) -> RunReport:
        """Put one load on the candidate, and nothing else."""
        words = f"{profile}{f' at {rate:.0f}/s' if rate else ''} on version {candidate.version}"
        with self._phase(profile, words, shows_itself=True), tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            evidence = lineage.held_back(self.endpoints, candidate.mlflow_run_id)
            expected = {
                "digest": candidate.digest,
                "rows": evidence.rows,
                "probabilities": evidence.probabilities,
            }
            (folder / "expected.json").write_text(json.dumps(expected))
            (folder / "endpoints.json").write_text(json.dumps(asdict(self.endpoints)))
            command = [sys.executable, "-m", "loadtests", "run", "--profile", profile]
            command += ["--endpoints", str(folder / "endpoints.json"), "--target", self._target()]
            command += ["--expected", str(folder / "expected.json"), "--report", str(folder / "run.json")]
            command += ["--model", candidate.model_name, "--service", candidate.service]
            command += ["--rate", str(rate)] if rate else []
            try:
                subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=_RUN_SECONDS)
                found = report.read_runs(folder / "run.json")[0]
            except subprocess.TimeoutExpired:
                raise GateError(f"profile {profile}: not over within {_RUN_SECONDS} s") from None
            except (FileNotFoundError, IndexError):
                raise GateError(f"profile {profile}: could not be run; see above") from None
        self.runs.append(found)
        for line in report.table([found])[1:]:
            self.progress.line(line.strip())
        return found

    def _target(self) -> str:
        """Return where the gateway answers without the forwarder of the machine, if that can be reached."""
        with suppress(ClusterError):
            known = self.instance.endpoints()
            if known.gateway == self.endpoints.gateway_url:
                return f"http://{known.node_ip}:{GATEWAY_NODE_PORT}"
        return self.endpoints.gateway_url

    def judge(self, candidate: Candidate, profiles: Iterable[str] = (_RAMP, _HALF, _GATE)) -> Verdict:
        """Load a candidate by each profile, and say what it came to.

        One that failed ends it: nothing that follows could mend that.
        """
        for profile in profiles:
            rate = self._half() if profile == _HALF else None
            found = self.load(candidate, profile, rate)
            if self.saturation and profile == _HALF:
                self.saturation = replace(self.saturation, p99_ms_at_half=found.statistics.p99_ms)
            if found.outcome == Outcome.FAILED:
                break
        return combined({run.profile: run.verdict for run in self.runs})

    def _half(self) -> float | None:
        ramps = [run for run in self.runs if run.profile == _RAMP and run.statistics.saturation_per_second]
        return (ramps[-1].statistics.saturation_per_second or 0) / 2 if ramps else None

    def decide(self, candidate: Candidate, verdict: Verdict) -> bool:
        """Write the verdict to the version; promote it where it passed, take it away where not.

        Returns:
            Whether the version is the champion now.
        """
        with self._phase("decide", f"version {candidate.version}: {verdict.outcome}"):
            promotion.write_tags(self.endpoints, candidate, tags(verdict, self.runs, self.saturation))
            if verdict.outcome is Outcome.PASSED:
                promotion.promote(self.endpoints, candidate)
            else:
                promotion.withdraw(self.endpoints, candidate)
            return promotion.champion_of(self.endpoints, candidate.model_name) == candidate.version

    def report(self, verdict: Verdict, candidate: Candidate | None, *, champion: bool) -> LoadReport:
        """Return all that was found."""
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
            seconds=round(sum(self.phases.values()), 1),
            runs=self.runs,
            model=model,
            saturation=self.saturation,
            monitoring_mib=self.monitoring_mib,
            phases=self.phases,
        )


def _fresh(now: int) -> dict[str, Any]:
    """Return inputs that no training had before: nothing of it comes from a cache.

    All of the hundred seeds pass the pipeline's own gate, whatever the small change of the regularization.
    """
    return {"seed": now % 100, "regularization": 1 + now % 100_000 / 1e7}


def monitoring_mib(rows: Iterable[memory.Memory]) -> float | None:
    """Return what the pods of the namespace `monitoring` hold; None if there are none."""
    held = [row.resident for row in rows if row.component.startswith("monitoring/")]
    return round(sum(held), 1) if held else None


def tags(verdict: Verdict, runs: Iterable[RunReport], saturation: Saturation | None) -> dict[str, str]:
    """Return what a model version is told of the load that it was under."""
    found = {"load.verdict": verdict.outcome.value, "load.reasons": "; ".join(verdict.reasons)}
    for run in runs:
        measured = run.statistics
        found[f"load.{run.profile}"] = run.outcome
        found[f"load.{run.profile}.p99_ms"] = f"{measured.p99_ms:.1f}"
        found[f"load.{run.profile}.per_second"] = f"{measured.answered_per_second:.1f}"
        if measured.saturation_per_second is not None:
            found["load.saturation_per_second"] = f"{measured.saturation_per_second:.1f}"
    if saturation:
        found["load.ratio_to_bare"] = f"{saturation.ratio:.2f}"
    return found


def lines(found: LoadReport) -> list[str]:
    """Return a report as lines for people."""
    told = report.table(found.runs)
    if found.saturation:
        figures = found.saturation
        told.append(
            f"saturation  {figures.gateway_per_second:.0f}/s through the gateway, "
            f"{figures.bare_per_second:.0f}/s bare: {figures.ratio:.2f}x (goal {figures.goal:g}x)"
        )
        if figures.p99_ms_at_half is not None:
            told.append(f"p99         {figures.p99_ms_at_half:.1f} ms at half of what the ramp held")
    if found.monitoring_mib is not None:
        told.append(f"monitoring  {found.monitoring_mib:.0f} MiB resident (goal < 700)")
    if found.model:
        now = "is the champion" if found.model.champion else "is refused; the champion stays as it was"
        told.append(f"{found.outcome:12}{found.model.name} version {found.model.version} {now}")
    return told


def main(endpoints: Endpoints, instance: Instance, data: str, file: Path) -> int:
    """Gate a fresh model; return the exit code: 0 only where it became champion."""
    gate = Gate(endpoints=endpoints, instance=instance)
    candidate: Candidate | None = None
    verdict, champion, decided = Verdict(outcome=Outcome.INVALID, reasons=("interrupted",)), False, False
    try:
        candidate = gate.train(data)
        gate.measure(candidate)
        verdict = gate.judge(candidate)
        champion = gate.decide(candidate, verdict)
        decided = True
    except (GateError, WorkloadsError) as error:
        verdict = Verdict(outcome=Outcome.FAILED, reasons=(str(error),))
        sys.stderr.write(f"error: {error}\n")
    finally:
        if candidate and not decided:
            promotion.withdraw(endpoints, candidate)
        found = gate.report(verdict, candidate, champion=champion)
        report.write(found, file)
    print("\n".join([*lines(found), f"report: {file}"]), flush=True)
    return 0 if champion and verdict.outcome is Outcome.PASSED else 1
