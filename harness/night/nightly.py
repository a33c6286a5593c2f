"""`make nightly`: installs the platform, verifies, loads, breaks and removes it; one page of evidence.

A night is two processes. The inner one runs the phases and cleans up on SIGINT and SIGTERM. The outer one
waits for it and, if it is killed, cleans up in its place. If both are killed, the page shows how far the
night came, and the next night or `make down INSTANCE=nightly` removes what they left.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Protocol

from cluster.instance import Instance
from harness.evidence import night, page, provenance
from harness.evidence.night import Fault, Night, Phase, State, Step
from harness.evidence.scale import duration
from harness.night import execution, phases
from harness.night.execution import Stop
from harness.night.journal import Journal, close_unfinished, delete_old, publish, reports
from harness.night.phases import INSTANCE, Command, Plan
from terminal.progress import Progress

_LOCK_REFUSED = 3


class Collector(Protocol):
    """Collects evidence from the machine and the platform between phases."""

    def begin(self) -> None:
        """Record the state of the machine before anything starts."""
        ...

    def after(self, phase: str, night: Night) -> Night:
        """Return the night with the evidence of a phase that has ended."""
        ...


class Nightly:
    """Runs the phases of one night."""

    def __init__(
        self,
        journal: Journal,
        plans: Sequence[Plan],
        collector: Collector,
        *,
        stop: Stop,
        progress: Progress,
        removal: Command,
    ) -> None:
        """Prepare to run the planned phases.

        Args:
            journal: Record of the night.
            plans: Phases in order.
            collector: Collects evidence after each phase.
            stop: Receives the signals that end the night early.
            progress: Shows what is running.
            removal: Command that removes the instance, whatever its state.
        """
        self._journal = journal
        self._plans = plans
        self._collector = collector
        self._stop = stop
        self._progress = progress
        self._removal = removal
        self._environment = {**os.environ, "INSTANCE": INSTANCE, "PLINTH_INSTANCE": INSTANCE}
        # An outer make would pass its own jobs and targets on to the inner ones.
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            self._environment.pop(name, None)

    def run(self) -> Night:
        """Run every phase and return the finished record."""
        self._journal.write(self._journal.night)
        try:
            self._collector.begin()
        except Exception as error:
            reason = f"cannot read the state of the machine: {_describe(error)}"
            self._fail(self._plans[0].name, reason, Fault.INFRA)
        for number, plan in enumerate(self._plans, 1):
            self._run(plan, f"{number}/{len(self._plans)}")
        final = self._journal.night
        # A signal that came after the last phase changed nothing.
        if self._stop.by and not all(phase.state is State.PASSED for phase in final.phases):
            final = replace(final, stopped_by=self._stop.by)
        self._journal.write(replace(final, finished=True))
        return self._journal.night

    def _run(self, plan: Plan, count: str) -> None:
        if why := self._obstacle(plan):
            self._journal.write_phase(replace(self._phase(plan), state=State.SKIPPED, reason=why))
            self._progress.line(f"{plan.name} not run: {why}", count)
            return
        self._progress.line(f"{plan.name} begins", count)
        phase = replace(
            self._phase(plan),
            state=State.RUNNING,
            began=self._journal.seconds,
            steps=tuple(Step(name=command.name) for command in plan.commands),
        )
        self._journal.write_phase(phase)
        for index, command in enumerate(plan.commands):
            if not self._run_step(plan, index, command, count):
                break
        self._collect(plan)
        ended = self._phase(plan)
        state = State.PASSED if ended.state is State.RUNNING else ended.state
        ended = replace(ended, state=state, seconds=round(self._journal.seconds - ended.began, 2))
        self._journal.write_phase(ended)
        why = f": {ended.reason}" if ended.reason else ""
        self._progress.line(f"{plan.name} {state} in {duration(ended.seconds)}{why}", count)

    def _phase(self, plan: Plan) -> Phase:
        return self._journal.night.phase(plan.name)

    def _obstacle(self, plan: Plan) -> str:
        """Return why a phase cannot run; empty if it can."""
        if self._phase(plan).state is State.FAILED:
            return self._phase(plan).reason
        if self._stop.by and not plan.always:
            return f"not reached: {self._stop.by} before"
        if plan.needs:
            needed = self._journal.night.phase(plan.needs)
            undone = [step.name for step in needed.steps if step.state is not State.PASSED]
            if undone or not needed.steps:
                return f"needs {plan.needs}, whose {undone[0] if undone else 'start'} failed"
        return ""

    def _run_step(self, plan: Plan, index: int, command: Command, count: str) -> bool:
        """Run one command; return whether the phase can continue."""
        shielded = plan.always
        if self._stop.by and shielded:
            # An interrupted stack may not survive a clean destroy, so remove the instance instead.
            command = replace(self._removal, name=command.name)
        log = self._journal.folder / f"{plan.name}.log"
        self._set_step(plan, index, state=State.RUNNING, began=self._journal.seconds, log=log.name)
        done = execution.run(
            command,
            log=log,
            environment=self._environment,
            stop=self._stop,
            show=lambda line: self._progress.plain(f"  {line}"),
            tick=lambda: self._progress.status(f"{count} {plan.name}: {command.name}"),
            shielded=shielded,
        )
        self._progress.clear()
        if self._stop.by and not shielded:
            self._set_step(plan, index, state=State.INTERRUPTED, seconds=done.seconds)
            changed = replace(self._phase(plan), state=State.INTERRUPTED)
            self._journal.write_phase(replace(changed, reason=f"{self._stop.by} during {command.name}"))
            return False
        good = done.code == 0
        self._set_step(plan, index, state=State.PASSED if good else State.FAILED, seconds=done.seconds)
        if good:
            return True
        fault = command.fault if done.code is None else phases.classify(command, done.code, done.tail)
        self._fail(plan.name, phases.describe_failure(command, done.code, done.tail), fault)
        if shielded:
            self._remove(log)
        return False

    def _remove(self, log: Path) -> None:
        """Remove the instance after a clean removal failed; the failure stays on record."""
        execution.run(
            self._removal,
            log=log,
            environment=self._environment,
            stop=self._stop,
            show=lambda line: self._progress.plain(f"  {line}"),
            tick=lambda: self._progress.status(self._removal.name),
            shielded=True,
        )

    def _set_step(self, plan: Plan, index: int, **changes: object) -> None:
        phase = self._phase(plan)
        steps = list(phase.steps)
        steps[index] = replace(steps[index], **changes)  # pyright: ignore[reportArgumentType]
        logs = tuple(dict.fromkeys([*phase.reports, *(step.log for step in steps if step.log)]))
        self._journal.write_phase(replace(phase, steps=tuple(steps), reports=logs))

    def _collect(self, plan: Plan) -> None:
        """Collect the evidence of a phase; evidence missing after a phase that passed is a failure."""
        phase = self._phase(plan)
        if phase.state is State.INTERRUPTED or (self._stop.by and not plan.always):
            return
        try:
            self._journal.write(self._collector.after(plan.name, self._journal.night))
        except Exception as error:
            if phase.state is State.RUNNING:
                self._fail(plan.name, f"its evidence is missing: {_describe(error)}", Fault.TEST)
            return
        failed = [
            each
            for each in self._journal.night.promises
            if each["phase"] == plan.name and each["outcome"] == "failed"
        ]
        if failed:
            more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
            fault = self._phase(plan).fault or Fault.PRODUCT
            self._fail(plan.name, f"failed: {failed[0]['promise']}{more}", fault)

    def _fail(self, name: str, reason: str, fault: Fault) -> None:
        phase = self._journal.night.phase(name)
        self._journal.write_phase(replace(phase, state=State.FAILED, reason=reason, fault=fault))


def _describe(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def begun(run: str, plans: Sequence[Plan]) -> Night:
    """Return the record of a night that begins now."""
    return Night(
        run=run,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        phases=tuple(Phase(name=plan.name) for plan in plans),
        commit=provenance.commit(),
        machine=provenance.machine(),
        versions=provenance.pinned_versions(),
    )


def run_inside(run: str) -> int:
    """Run the phases while the caller holds the instance's lock; return the exit code."""
    from harness.night.collection import Collection

    stop = Stop()
    stop.install()
    progress = Progress("nightly")
    for dead in close_unfinished(reports()):
        progress.line(f"the night {dead} was killed: its page shows where")
    folder = reports() / run
    plans = phases.plans(folder)
    if Instance(INSTANCE).folder.exists():
        # A killed night left it; this one starts from nothing.
        left_over = replace(phases.removal(), name="remove the last night's instance", fault=Fault.INFRA)
        plans = (replace(plans[0], commands=(left_over, *plans[0].commands)), *plans[1:])
    journal = Journal(folder, begun(run, plans))
    delete_old(reports())
    collector = Collection(folder)
    record = Nightly(journal, plans, collector, stop=stop, progress=progress, removal=phases.removal()).run()
    _print_summary(record, folder, progress)
    return record.exit_code


def _print_summary(record: Night, folder: Path, progress: Progress) -> None:
    headline, _ = page.headline(record)
    progress.line(f"{headline} {page.summary(record)}")
    for phase in record.failed:
        progress.line(f"{phase.name}: {phase.fault or phase.state}: {phase.reason}")
    progress.line(f"page: {folder / 'index.html'}")


def guard(run: str, inner: Sequence[str], remove: Callable[[], object], folder: Path) -> int:
    """Run the night in a process of its own; if that is killed, clean up and close the record."""
    child = subprocess.Popen(inner)

    def forward(_: int, __: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    code = child.wait()
    record = night.read(folder / run / "evidence.json")
    if record is None:
        # It never started: another night holds the lock, and `cluster hold` has printed that.
        return _LOCK_REFUSED if code == 1 else code
    if record.finished:
        return record.exit_code
    sys.stderr.write("error: the night was killed; removing its instance\n")
    remove()
    closed = night.interrupted(record, "killed")
    publish(folder / run, closed, folder / "history.jsonl")
    sys.stderr.write(f"page: {folder / run / 'index.html'}\n")
    return closed.exit_code


def main(run: str | None = None) -> int:
    """Run a night, or with its id the inner process of one; the exit code is the class of the fault."""
    if run is not None:
        return run_inside(run)
    run = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    hold = [sys.executable, "-m", "cluster", "hold", "--name", INSTANCE, "make nightly", "--"]
    inner = [sys.executable, "-m", "harness", "nightly", "--run", run]
    removal = phases.removal()
    return guard(
        run,
        [*hold, *inner],
        lambda: subprocess.run(removal.argv, check=False, timeout=removal.timeout_seconds),
        reports(),
    )
